#include "cluster/src/core/heartbeat.hpp"

#include "cluster/src/core/hosted_types.hpp"
#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

namespace aether::cluster {

TEST_CASE("heartbeat: what is encoded is what is decoded") {
  auto sent = samples::beat("n-1", 42, member_state::leaving, 7);
  sent.types_hash = 0xffff'ffff'ffff'ffff;
  sent.table_revision = 9;
  sent.sent_at = -5;
  sent.types = {actor_type::parse("account").value(), actor_type::parse("cart").value()};
  sent.labels = {"rack=2", "zone=a"};
  sent.version = "1.4";
  sent.settled = 8;
  sent.term = 3;
  sent.heard = {{samples::process(41), 6}, {samples::process(42), -7}};
  const auto back = decode_heartbeat(encode_heartbeat(sent)).value();
  CHECK(back.node == sent.node);
  CHECK(back.incarnation == sent.incarnation);
  CHECK(back.state == sent.state);
  CHECK(back.weight == 7);
  CHECK(back.shards == 256);
  CHECK(back.types_hash == sent.types_hash);
  CHECK(back.table_revision == 9);
  CHECK(back.sent_at == -5);
  CHECK(back.types == sent.types);
  CHECK(back.labels == sent.labels);
  CHECK(back.version == "1.4");
  CHECK(back.settled == 8);
  CHECK(back.term == 3);
  CHECK(back.heard == sent.heard);
}

TEST_CASE("heartbeat: bytes that are no heartbeat are refused, not believed") {
  CHECK(decode_heartbeat({}).error().code() == errc::decode_failed);
  CHECK(decode_heartbeat(as_bytes_view("n1 is up")).error().code() == errc::decode_failed);
  auto nobody = samples::beat("n1", 1);
  nobody.incarnation = {};
  CHECK(decode_heartbeat(encode_heartbeat(nobody)).error().code() == errc::decode_failed);
  auto strange = samples::beat("n1", 1);
  strange.state = static_cast<member_state>(9);
  CHECK(decode_heartbeat(encode_heartbeat(strange)).error().code() == errc::decode_failed);
}

TEST_CASE("hosted types: the fingerprint does not depend on the order of declaration") {
  const std::vector<hosted_type> a{{"account", {"deposit", "withdraw"}, {"deposited"}, 1},
                                   {"user", {"rename"}, {}, 0}};
  const std::vector<hosted_type> b{{"user", {"rename"}, {}, 0},
                                   {"account", {"withdraw", "deposit"}, {"deposited"}, 1}};
  CHECK(fingerprint(sorted(a)) == fingerprint(sorted(b)));
}

TEST_CASE("hosted types: every difference changes the fingerprint") {
  const hosted_type base{"account", {"a", "bc"}, {"d"}, 1};
  const auto print = [](hosted_type one) { return fingerprint(std::vector{one}); };
  CHECK(print(base) != print({"accounts", {"a", "bc"}, {"d"}, 1}));
  CHECK(print(base) != print({"account", {"ab", "c"}, {"d"}, 1}));
  CHECK(print(base) != print({"account", {"a"}, {"bc", "d"}, 1}));
  CHECK(print(base) != print({"account", {"a", "bc"}, {"d"}, 2}));
  CHECK(print(base) != fingerprint({}));
}

}  // namespace aether::cluster
