#pragma once

#include <aether/runtime/error.hpp>

#include <cstdint>
#include <memory>
#include <sqlite3.h>
#include <string>
#include <string_view>

/// Trouble with the database is no fault of an event: the batch is tried again.
inline std::unexpected<aether::error> database_trouble(sqlite3* in) {
  return aether::fail(aether::errc::unavailable, std::string{"sqlite: "} + sqlite3_errmsg(in));
}

/// One SQL statement with its parameters, in order.
class statement {
 public:
  statement(sqlite3* in, const char* sql) : in_{in} {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(in, sql, -1, &made, nullptr) == SQLITE_OK) made_.reset(made);
  }
  statement& bind(std::int64_t number) {
    if (made_) sqlite3_bind_int64(made_.get(), ++bound_, number);
    return *this;
  }
  statement& bind(std::uint64_t number) { return bind(static_cast<std::int64_t>(number)); }
  statement& bind(std::string_view text) {
    if (made_)
      sqlite3_bind_text(made_.get(), ++bound_, text.data(), static_cast<int>(text.size()),
                        SQLITE_TRANSIENT);
    return *this;
  }
  /// @returns whether there is a row, the first or the next one.
  aether::result<bool> step() {
    const int got = made_ ? sqlite3_step(made_.get()) : SQLITE_ERROR;
    if (got == SQLITE_ROW) return true;
    if (got == SQLITE_DONE) return false;
    return database_trouble(in_);
  }
  [[nodiscard]] std::int64_t number(int column) const {
    return sqlite3_column_int64(made_.get(), column);
  }
  [[nodiscard]] std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(made_.get(), column));
    return bytes == nullptr ? std::string{} : std::string{bytes};
  }

 private:
  struct finalize {
    void operator()(sqlite3_stmt* one) const { sqlite3_finalize(one); }
  };
  sqlite3* in_;
  std::unique_ptr<sqlite3_stmt, finalize> made_;
  int bound_ = 0;
};
