#include <aether/runtime/encoding.hpp>

#include <msgpack.hpp>

#include <algorithm>
#include <limits>
#include <vector>

namespace aether {
namespace {

/// What msgpack::packer writes to.
struct sink {
  // A first block that holds most messages: growing from one byte would allocate five times.
  static constexpr std::size_t first_bytes = 64;
  bytes& out;
  void write(const char* data, std::size_t size) {
    const std::size_t needed = out.size() + size;
    if (needed > out.capacity()) out.reserve(std::max({needed, 2 * out.capacity(), first_bytes}));
    const auto* first = reinterpret_cast<const std::byte*>(data);
    out.insert(out.end(), first, first + size);
  }
};

std::uint32_t size_on_wire(std::size_t size) noexcept {
  AETHER_ASSERT(size <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(size);
}

/// Packs into `out` by way of a sink that lives as long as the packer.
struct packing : private sink, public msgpack::packer<sink> {
  explicit packing(bytes& to) : sink{to}, msgpack::packer<sink>{static_cast<sink&>(*this)} {}
};

enum class kind : std::uint8_t {
  nil,
  boolean,
  positive,
  negative,
  real,
  text,
  binary,
  extension,
  array,
  map,
};

/// One value. The children of an array or map lie next to one another, keys and values of a map in
/// turn, `first_child` nodes further on in the same vector: so the vector may grow and be moved.
struct node {
  union {
    bool truth;
    std::uint64_t positive = 0;
    std::int64_t negative;
    double real;
    const char* chars;
    std::size_t first_child;
  };
  std::uint32_t size = 0;  // characters, elements or pairs
  enum kind kind = kind::nil;
};

const node& as_node(const void* object) noexcept {
  static constexpr node absent{};
  return object != nullptr ? *static_cast<const node*>(object) : absent;
}

/// Builds the nodes while msgpack::parse walks the input; false stops it.
class tree_builder : public msgpack::null_visitor {
 public:
  tree_builder(std::vector<node>& nodes, std::size_t nodes_max)
      : nodes_{nodes}, nodes_max_{nodes_max} {
    nodes_.reserve(std::min<std::size_t>(nodes_max_, 32));
    nodes_.emplace_back();
  }

  [[nodiscard]] const char* refusal() const noexcept { return refusal_; }

  bool visit_nil() { return true; }  // as every node begins
  bool visit_boolean(bool value) {
    at().kind = kind::boolean;
    at().truth = value;
    return true;
  }
  bool visit_positive_integer(std::uint64_t value) {
    at().kind = kind::positive;
    at().positive = value;
    return true;
  }
  bool visit_negative_integer(std::int64_t value) {
    // A signed format may hold a number that is not negative.
    if (value >= 0) return visit_positive_integer(static_cast<std::uint64_t>(value));
    at().kind = kind::negative;
    at().negative = value;
    return true;
  }
  bool visit_float32(float value) { return visit_float64(static_cast<double>(value)); }
  bool visit_float64(double value) {
    at().kind = kind::real;
    at().real = value;
    return true;
  }
  bool visit_str(const char* chars, std::uint32_t size) { return leaf(kind::text, chars, size); }
  bool visit_bin(const char* chars, std::uint32_t size) { return leaf(kind::binary, chars, size); }
  bool visit_ext(const char* chars, std::uint32_t size) {
    return leaf(kind::extension, chars, size);
  }
  bool start_array(std::uint32_t size) { return open(kind::array, size, size); }
  bool start_array_item() { return next(); }
  bool end_array() { return close(); }
  bool start_map(std::uint32_t size) { return open(kind::map, size, std::size_t{size} * 2); }
  bool start_map_key() { return next(); }
  bool start_map_value() { return next(); }
  bool end_map() { return close(); }

 private:
  node& at() noexcept { return nodes_[current_]; }
  bool leaf(kind what, const char* chars, std::uint32_t size) {
    at().kind = what;
    at().chars = chars;
    at().size = size;
    return true;
  }
  bool open(kind what, std::uint32_t size, std::size_t children) {
    if (depth_ == document::depth_max) return refuse("nested too deep");
    // Every value takes a byte at least: a claim of more is a lie, and allocates nothing.
    if (children > nodes_max_ - nodes_.size()) return refuse("cut short");
    at().kind = what;
    at().size = size;
    at().first_child = nodes_.size() - current_;
    next_child_[depth_++] = nodes_.size();
    nodes_.resize(nodes_.size() + children);
    return true;
  }
  bool next() noexcept {
    current_ = next_child_[depth_ - 1]++;
    return true;
  }
  bool close() noexcept {
    --depth_;
    return true;
  }
  bool refuse(const char* why) noexcept {
    refusal_ = why;
    return false;
  }

  std::vector<node>& nodes_;
  std::size_t nodes_max_;
  std::size_t current_ = 0;
  std::size_t depth_ = 0;
  std::size_t next_child_[document::depth_max] = {};
  const char* refusal_ = "not msgpack or cut short";
};

}  // namespace

void encoder::nil() { packing{*out_}.pack_nil(); }
void encoder::boolean(bool value) {
  packing out{*out_};
  value ? out.pack_true() : out.pack_false();
}
void encoder::integer(std::int64_t value) { packing{*out_}.pack_int64(value); }
void encoder::unsigned_integer(std::uint64_t value) { packing{*out_}.pack_uint64(value); }
void encoder::real(double value) { packing{*out_}.pack_double(value); }
void encoder::text(std::string_view value) {
  packing out{*out_};
  out.pack_str(size_on_wire(value.size()));
  out.pack_str_body(value.data(), size_on_wire(value.size()));
}
void encoder::binary(bytes_view value) {
  packing out{*out_};
  out.pack_bin(size_on_wire(value.size()));
  out.pack_bin_body(as_text(value).data(), size_on_wire(value.size()));
}
void encoder::array(std::size_t size) { packing{*out_}.pack_array(size_on_wire(size)); }
void encoder::map(std::size_t size) { packing{*out_}.pack_map(size_on_wire(size)); }
void encoder::raw(bytes_view value) { out_->insert(out_->end(), value.begin(), value.end()); }

bool decoded::is_nil() const noexcept { return as_node(object_).kind == kind::nil; }

std::optional<bool> decoded::as_boolean() const noexcept {
  const node& at = as_node(object_);
  return at.kind == kind::boolean ? std::optional{at.truth} : std::nullopt;
}

std::optional<std::int64_t> decoded::as_integer() const noexcept {
  const node& at = as_node(object_);
  if (at.kind == kind::negative) return at.negative;
  constexpr std::uint64_t max = std::numeric_limits<std::int64_t>::max();
  if (at.kind != kind::positive || at.positive > max) return std::nullopt;
  return static_cast<std::int64_t>(at.positive);
}

std::optional<std::uint64_t> decoded::as_unsigned() const noexcept {
  const node& at = as_node(object_);
  return at.kind == kind::positive ? std::optional{at.positive} : std::nullopt;
}

std::optional<double> decoded::as_real() const noexcept {
  const node& at = as_node(object_);
  if (at.kind == kind::real) return at.real;
  if (at.kind == kind::positive) return static_cast<double>(at.positive);
  if (at.kind == kind::negative) return static_cast<double>(at.negative);
  return std::nullopt;
}

std::optional<std::string_view> decoded::as_text() const noexcept {
  const node& at = as_node(object_);
  if (at.kind != kind::text) return std::nullopt;
  return std::string_view{at.chars, at.size};
}

std::optional<bytes_view> decoded::as_binary() const noexcept {
  const node& at = as_node(object_);
  if (at.kind != kind::binary) return std::nullopt;
  return as_bytes_view({at.chars, at.size});
}

std::optional<std::size_t> decoded::array_size() const noexcept {
  const node& at = as_node(object_);
  return at.kind == kind::array ? std::optional<std::size_t>{at.size} : std::nullopt;
}

std::optional<std::size_t> decoded::map_size() const noexcept {
  const node& at = as_node(object_);
  return at.kind == kind::map ? std::optional<std::size_t>{at.size} : std::nullopt;
}

decoded decoded::element(std::size_t index) const noexcept {
  const node& at = as_node(object_);
  AETHER_ASSERT(at.kind == kind::array && index < at.size);
  return decoded{&at + at.first_child + index};
}

std::pair<decoded, decoded> decoded::pair(std::size_t index) const noexcept {
  const node& at = as_node(object_);
  AETHER_ASSERT(at.kind == kind::map && index < at.size);
  const node* key = &at + at.first_child + 2 * index;
  return {decoded{key}, decoded{key + 1}};
}

decoded decoded::find(std::string_view key) const noexcept {
  const node& at = as_node(object_);
  if (at.kind != kind::map) return {};
  const node* name = &at + at.first_child;
  for (const node* end = name + 2 * std::size_t{at.size}; name != end; name += 2)
    if (name->kind == kind::text && std::string_view{name->chars, name->size} == key)
      return decoded{name + 1};
  return {};
}

struct document::storage {
  std::vector<node> nodes;
};

document::document(std::unique_ptr<storage> parsed) noexcept : storage_{std::move(parsed)} {}
document::document(document&&) noexcept = default;
document& document::operator=(document&&) noexcept = default;
document::~document() = default;

result<document> document::parse(bytes_view data) {
  const auto refuse = [](std::string_view why) {
    return fail(errc::decode_failed, "not one msgpack value: " + std::string{why});
  };
  if (data.empty()) return refuse("no bytes at all");
  try {
    auto made = std::make_unique<storage>();
    tree_builder builder{made->nodes, data.size()};
    std::size_t used = 0;
    if (!msgpack::parse(as_text(data).data(), data.size(), used, builder))
      return refuse(builder.refusal());
    if (used != data.size()) return refuse("bytes left over");
    return document{std::move(made)};
  } catch (const std::exception& thrown) {
    return refuse(thrown.what());
  }
}

decoded document::root() const noexcept { return decoded{storage_->nodes.data()}; }

}  // namespace aether
