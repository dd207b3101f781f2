#include "read_operation.hpp"

namespace aether {

namespace {

constexpr int end_of_batch = 204;
constexpr int nothing_found = 404;
/// How many messages follow; in every part of a page.
constexpr const char* pending_header = "Nats-Num-Pending";

std::string page_query(std::string_view subject, const read_machine::fetch& what) {
  return "{\"batch\":" + std::to_string(what.count) +
         ",\"max_bytes\":" + std::to_string(read_machine::page_bytes_max) +
         ",\"seq\":" + std::to_string(what.first.value()) + ",\"next_by_subj\":\"" +
         std::string{subject} + "\"}";
}

bool has_more(const nats_message& end) {
  const auto pending = end.header(pending_header);
  return pending && *pending != "0";
}

}  // namespace

void read_operation::proceed() {
  if (machine_.done()) {
    handler_(std::move(machine_).collected());
    return;
  }
  const auto what = machine_.next();
  if (what.count > 1)
    fetch_page(what);
  else
    fetch_one(what);
}

void read_operation::fetch_page(const read_machine::fetch& what) {
  const std::string subject = "$JS.API.DIRECT.GET." + place_.stream;
  const std::string query = page_query(place_.subject, what);
  connection_->request_stream({subject, as_bytes_view(query)}, timeout_,
                              [self = shared_from_this()](result<nats_message> part) {
                                return self->page_part(std::move(part));
                              });
}

bool read_operation::page_part(result<nats_message> part) {
  if (!part) {
    finish(at_place(place_, part.error()));
    return false;
  }
  if (part->status() == end_of_batch || part->status() == nothing_found) {
    end_page(part->status() == end_of_batch && has_more(*part));
    return false;
  }
  if (part->status() != 0) {
    finish(at_place(place_, {errc::unavailable, "status " + std::to_string(part->status())}));
    return false;
  }
  const auto record = record_of(*part);
  const auto taken = record ? take(*record) : std::unexpected(at_place(place_, record.error()));
  if (!taken) {
    finish(taken.error());
    return false;
  }
  if (part->header(pending_header)) return true;
  // All that a replica on an older server answers: it knows of no pages.
  end_page(true);
  return false;
}

void read_operation::end_page(bool more) {
  machine_.page_ended(more);
  proceed();
}

void read_operation::fetch_one(const read_machine::fetch& what) {
  auto answered = [self = shared_from_this()](result<std::optional<stored_record>> read) {
    if (!read) return self->finish(at_place(self->place_, read.error()));
    if (!*read) return self->end_page(false);
    if (auto taken = self->take(**read); !taken) return self->finish(taken.error());
    self->end_page(true);
  };
  const auto get = what.from_leader ? &leader_get : &direct_get;
  get(*connection_, place_.stream, next_query(place_.subject, what.first), timeout_,
      std::move(answered), nats_flush::now);
}

result<void> read_operation::take(const stored_record& record) {
  auto commit = decode_record(record, place_);
  if (!commit)
    return fail(commit.error().code(), commit.error().text() + ", where version " +
                                           std::to_string(machine_.expected().value()) +
                                           " was expected");
  auto taken = machine_.take(std::move(*commit));
  if (!taken) return std::unexpected(at_place(place_, taken.error()));
  return {};
}

void read_operation::finish(error why) { handler_(std::unexpected(std::move(why))); }

}  // namespace aether
