#include <aether/persistence/record_store.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace aether {

struct memory_record_store::impl {
  std::mutex mutex;
  std::map<std::string, record, std::less<>> records;
  std::uint64_t last_revision = 0;
};

memory_record_store::memory_record_store() : impl_{std::make_unique<impl>()} {}
memory_record_store::~memory_record_store() = default;

result<record_store::record> memory_record_store::load(std::string_view key) {
  const std::lock_guard lock{impl_->mutex};
  const auto found = impl_->records.find(key);
  return found == impl_->records.end() ? record{} : found->second;
}

result<std::uint64_t> memory_record_store::store(std::string_view key, std::uint64_t expected,
                                                 bytes_view value) {
  const std::lock_guard lock{impl_->mutex};
  auto& kept = impl_->records[std::string{key}];
  if (kept.revision != expected)
    return fail(errc::version_conflict, "record '" + std::string{key} + "' has revision " +
                                            std::to_string(kept.revision) + ", not " +
                                            std::to_string(expected));
  kept = {++impl_->last_revision, {value.begin(), value.end()}};
  return kept.revision;
}

}  // namespace aether
