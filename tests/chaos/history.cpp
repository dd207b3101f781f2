#include "history.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace aether::chaos {

namespace {

using json = nlohmann::json;

constexpr std::array<std::string_view, 8> field_names{
    "client", "op", "key", "value", "invoke_us", "complete_us", "outcome", "result"};

/// Reads the fields of one object; the first mistake wins.
class field_reader {
 public:
  explicit field_reader(const json& from) : from_{from} {}

  /// Text, or an integer taken as text.
  std::string name(const char* field) {
    const json& found = at(field);
    if (found.is_string()) return found.get<std::string>();
    if (found.is_number_integer()) return found.dump();
    refuse(field, "has to be a string or an integer");
    return {};
  }

  std::optional<std::int64_t> integer(const char* field) {
    const json& found = at(field);
    if (found.is_null()) return std::nullopt;
    if (!fits(found)) refuse(field, "has to be an integer of 64 bits, or null");
    return fits(found) ? std::optional{found.get<std::int64_t>()} : std::nullopt;
  }

  std::optional<numbers> list(const char* field) {
    const json& found = at(field);
    if (found.is_null()) return std::nullopt;
    if (!found.is_array() || !std::ranges::all_of(found, fits)) {
      refuse(field, "has to be a list of integers of 64 bits, or null");
      return std::nullopt;
    }
    return found.get<numbers>();
  }

  /// Which of `names` it is.
  template <class Enum, std::size_t N>
  Enum one_of(const char* field, const std::array<Enum, N>& values) {
    const json& found = at(field);
    std::string allowed;
    for (const Enum value : values) {
      if (found.is_string() && found.get_ref<const std::string&>() == to_string(value))
        return value;
      allowed += (allowed.empty() ? "" : ", ") + std::string{to_string(value)};
    }
    refuse(field, "has to be one of: " + allowed);
    return values.front();
  }

  void refuse(std::string_view field, std::string why) {
    if (!problem_) problem_ = bad_line{std::string{field}, std::move(why)};
  }
  [[nodiscard]] const std::optional<bad_line>& problem() const { return problem_; }

 private:
  [[nodiscard]] const json& at(const char* field) const {
    static const json none;
    const auto found = from_.find(field);
    return found == from_.end() ? none : *found;
  }
  static bool fits(const json& value) {
    return value.is_number_integer() &&
           !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX);
  }

  const json& from_;
  std::optional<bad_line> problem_;
};

void refuse_unknown(const json& object, field_reader& fields) {
  for (const auto& item : object.items())
    if (std::ranges::find(field_names, item.key()) == field_names.end())
      fields.refuse(item.key(), "is no field of an operation");
}

/// What one field demands of another.
void check_together(const operation& what, field_reader& fields) {
  const bool ok = what.outcome == outcome::ok;
  const bool append = what.op == operation_kind::append;
  if (append && !what.value) fields.refuse("value", "has to be the integer that is appended");
  if (!append && what.value) fields.refuse("value", "has to be null: a read appends nothing");
  if (ok && !what.complete_us) fields.refuse("complete_us", "is missing, though the outcome is ok");
  if (what.complete_us && *what.complete_us < what.invoke_us)
    fields.refuse("complete_us", "is before invoke_us");
  if (!ok && what.result) fields.refuse("result", "has to be null: only an ok operation has one");
  if (ok && !append && !what.result) fields.refuse("result", "has to be the list that was read");
}

}  // namespace

std::string_view to_string(operation_kind kind) noexcept {
  return kind == operation_kind::append ? "append" : "read";
}

std::string_view to_string(outcome what) noexcept {
  if (what == outcome::ok) return "ok";
  return what == outcome::fail ? "fail" : "unknown";
}

std::string to_line(const operation& what) {
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : std::string{"null"};
  };
  std::string list = "null";
  if (what.result) {
    list = "[";
    for (const std::int64_t value : *what.result)
      list.append(list.size() == 1 ? "" : ",").append(std::to_string(value));
    list += ']';
  }
  return "{\"client\":" + json(what.client).dump() + ",\"op\":\"" +
         std::string{to_string(what.op)} + "\",\"key\":" + json(what.key).dump() +
         ",\"value\":" + number(what.value) + ",\"invoke_us\":" + std::to_string(what.invoke_us) +
         ",\"complete_us\":" + number(what.complete_us) + ",\"outcome\":\"" +
         std::string{to_string(what.outcome)} + "\",\"result\":" + list + "}";
}

std::expected<operation, bad_line> from_line(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return std::unexpected(bad_line{"", "is not a JSON object"});
  field_reader fields{object};
  refuse_unknown(object, fields);
  operation made;
  made.client = fields.name("client");
  made.op = fields.one_of("op", std::array{operation_kind::append, operation_kind::read});
  made.key = fields.name("key");
  made.value = fields.integer("value");
  const auto invoked = fields.integer("invoke_us");
  if (!invoked) fields.refuse("invoke_us", "has to be an integer of 64 bits");
  made.invoke_us = invoked.value_or(0);
  made.complete_us = fields.integer("complete_us");
  made.outcome = fields.one_of("outcome", std::array{outcome::ok, outcome::fail, outcome::unknown});
  made.result = fields.list("result");
  check_together(made, fields);
  if (fields.problem()) return std::unexpected(*fields.problem());
  return made;
}

}  // namespace aether::chaos
