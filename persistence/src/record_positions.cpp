#include <aether/persistence/projection_positions.hpp>
#include <aether/runtime/codec.hpp>

#include <array>
#include <utility>

namespace aether {

namespace {

constexpr std::uint32_t position_format = 1;

struct position_record {
  std::uint32_t format = position_format;
  std::uint64_t sequence = 0;
  commit_id commit;
  AETHER_MESSAGE("aether.projection_position", format, sequence, commit)
};

class positions_in_records final : public projection_positions {
 public:
  explicit positions_in_records(std::shared_ptr<record_store> records)
      : records_{std::move(records)} {}

  result<projection_position> load(const projection_key& key) override {
    const auto found = records_->load(record_key(key));
    if (!found) return std::unexpected(found.error());
    if (found->value.empty()) return projection_position{{}, {}, found->revision};
    const auto read = decode<position_record>(found->value);
    if (!read) return std::unexpected(read.error());
    if (read->format != position_format)
      return fail(errc::decode_failed, "the position of " + to_string(key) + " has format " +
                                           std::to_string(read->format) +
                                           ": deploy a build that knows it");
    return projection_position{stream_sequence{read->sequence}, read->commit, found->revision};
  }

  result<std::uint64_t> store(const projection_key& key, const projection_position& next) override {
    const position_record made{position_format, next.sequence.value(), next.commit};
    return records_->store(record_key(key), next.revision, encode(made));
  }

  result<void> forget(const projection_key& key) override {
    // Whoever writes in between makes this try again; nobody writes for ever to what is retired.
    constexpr int attempts_max = 5;
    result<void> done;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      const auto found = records_->load(record_key(key));
      if (!found) return std::unexpected(found.error());
      if (found->value.empty()) return {};
      const auto gone = records_->store(record_key(key), found->revision, {});
      if (gone) return {};
      done = std::unexpected(gone.error());
    }
    return done;
  }

 private:
  std::shared_ptr<record_store> records_;
};

}  // namespace

std::shared_ptr<projection_positions> record_positions(std::shared_ptr<record_store> records) {
  AETHER_ASSERT(records != nullptr);
  return std::make_shared<positions_in_records>(std::move(records));
}

std::string record_key(const projection_key& key) {
  return "proj." + key.name + "." + std::to_string(key.version) + "." +
         std::to_string(key.partition);
}

}  // namespace aether
