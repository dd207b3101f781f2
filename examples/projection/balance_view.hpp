#pragma once

#include <aether/persistence/projection_positions.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;

/// The balances of all accounts in an SQLite file, kept up to date by a projection. The rows and
/// the projection's position change in one transaction: whatever is killed, each event counts once.
class balance_view final : public aether::projection_positions {
 public:
  struct row {
    std::string account;
    std::int64_t cents = 0;
    /// Events that were counted.
    std::int64_t events = 0;
  };

  /// Opens the file, and makes its tables where they are missing.
  /// @errors `store_failed`: SQLite says why.
  [[nodiscard]] static aether::result<std::shared_ptr<balance_view>> open(const std::string& file);
  ~balance_view() override;
  balance_view(const balance_view&) = delete;
  balance_view& operator=(const balance_view&) = delete;

  /// The projection's handler.
  [[nodiscard]] aether::result<void> apply(const aether::projection_batch& batch);

  // Where it is: for the runner, and for batches of which it handles nothing.
  [[nodiscard]] aether::result<aether::projection_position> load(
      const aether::projection_key& key) override;
  [[nodiscard]] aether::result<std::uint64_t> store(
      const aether::projection_key& key, const aether::projection_position& next) override;
  [[nodiscard]] aether::result<void> forget(const aether::projection_key& key) override;

  [[nodiscard]] aether::result<std::vector<row>> rows();
  [[nodiscard]] aether::result<std::optional<std::int64_t>> cents_of(std::string_view account);

 private:
  explicit balance_view(sqlite3* open) : open_{open} {}
  [[nodiscard]] aether::result<void> run(const char* sql);
  [[nodiscard]] aether::result<void> apply_within(const aether::projection_batch& batch);
  [[nodiscard]] aether::result<void> count(const aether::projected_commit& commit);
  /// Moves the position where it is still `after`. @returns false where it is not.
  [[nodiscard]] aether::result<bool> move(const aether::projection_key& key, std::uint64_t after,
                                          const aether::projection_position& to);

  std::mutex mutex_;
  sqlite3* open_;
};
