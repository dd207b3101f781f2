#include "jetstream_answer.hpp"

namespace aether::cluster {

using json = nlohmann::json;

namespace {

std::uint64_t number_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

const json* find_in(const json& document, const char* outer, const char* key) {
  const auto object = document.find(outer);
  if (object == document.end() || !object->is_object()) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &*found;
}

}  // namespace

std::uint64_t number_in(const json& document, const char* outer, const char* key) {
  const auto* found = find_in(document, outer, key);
  return found != nullptr && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

bool flag_in(const json& document, const char* outer, const char* key) {
  const auto* found = find_in(document, outer, key);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

std::uint64_t jetstream_answer::number(const char* key) const { return number_in(document, key); }

error jetstream_answer::as_error(const std::string& what) const {
  return {errc::store_failed, what + ": " + text + " (" + std::to_string(error_code) + ")"};
}

result<jetstream_answer> parse_jetstream(const result<nats_message>& answer) {
  if (!answer) return std::unexpected(answer.error());
  jetstream_answer heard;
  heard.document = json::parse(as_text(answer->payload()), nullptr, false);
  if (!heard.document.is_object()) return fail(errc::store_failed, "the server answered no JSON");
  const auto refused = heard.document.find("error");
  if (refused == heard.document.end() || !refused->is_object()) return heard;
  heard.error_code = number_in(*refused, "err_code");
  if (heard.error_code == 0) heard.error_code = 1;
  const auto words = refused->find("description");
  heard.text = words != refused->end() && words->is_string() ? words->get<std::string>()
                                                             : std::string{"refused"};
  return heard;
}

}  // namespace aether::cluster
