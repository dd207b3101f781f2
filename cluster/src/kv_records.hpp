#pragma once

#include <aether/persistence/record_store.hpp>
#include "kv_bucket.hpp"

namespace aether::cluster {

/// Records in the namespace's KV bucket, under their own names.
class kv_records final : public record_store {
 public:
  explicit kv_records(kv_bucket in) : bucket_{std::move(in)} {}
  [[nodiscard]] result<record> load(std::string_view key) override;
  [[nodiscard]] result<std::uint64_t> store(std::string_view key, std::uint64_t expected,
                                            bytes_view value) override;

 private:
  kv_bucket bucket_;
};

}  // namespace aether::cluster
