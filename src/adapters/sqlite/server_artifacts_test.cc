// Who needs an artifact, and which ones share a version.
#include "adapters/sqlite/server_store_testing.h"
#include "adapters/columns/columns.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

class ServerArtifacts : public StoreFixture {};

TEST_F(ServerArtifacts, WhoseOpenJobsNeedOneIsKnown) {
  const auto made = roll_out();
  const auto needing = must(lists.needing(sha('a')));
  ASSERT_FALSE(needing.sites.empty());
  EXPECT_NE(std::find(needing.sites.begin(), needing.sites.end(), "berlin"), needing.sites.end());
  EXPECT_NE(std::find(needing.rollouts.begin(), needing.rollouts.end(), RolloutId{made.id}), needing.rollouts.end());
  EXPECT_TRUE(must(lists.needing(sha('e'))).sites.empty());
}

TEST_F(ServerArtifacts, OtherBytesOfOneVersionAreFound) {
  const auto known = must(lists.artifact(sha('a')));
  wire::NewArtifact again{sha('e'), "image", "image.img", known.artifact.component, known.artifact.version, known.device_types};
  EXPECT_EQ(must(lists.same_version(again)), std::vector<Sha256>{sha('a')});
  again.sha256 = sha('a');
  EXPECT_TRUE(must(lists.same_version(again)).empty()) << "it is the same";
  again = {sha('e'), "image", "image.img", known.artifact.component, known.artifact.version + "-2", known.device_types};
  EXPECT_TRUE(must(lists.same_version(again)).empty());
  again = {sha('e'), "image", "image.img", known.artifact.component, known.artifact.version, {"another type"}};
  EXPECT_TRUE(must(lists.same_version(again)).empty()) << "no device could run either";
}

// A row that is damaged leaves nothing open on the connection: what is read after it is of today.
TEST_F(ServerArtifacts, ARowOfTheSameVersionThatCanNotBeReadIsPassedOver) {
  const auto known = must(lists.artifact(sha('a')));
  const wire::NewArtifact again{sha('e'), "image", "image.img", known.artifact.component, known.artifact.version, known.device_types};
  must(store->db().execute("PRAGMA foreign_keys=OFF"));
  must(store->db().execute("UPDATE artifact SET sha256='odd' WHERE sha256='" + sha('a').hex() + "'"));
  EXPECT_TRUE(must(lists.same_version(again)).empty());
  EXPECT_FALSE(must(lists.sites({})).items.empty());
  must(store->add_site({.name = "added-later"}, std::string(64, '9'), kNow, {}));
  const auto sites = must(lists.sites({})).items;
  EXPECT_TRUE(std::any_of(sites.begin(), sites.end(), [](const auto& site) { return site.name == "added-later"; }));
}

TEST_F(ServerArtifacts, WhatAGatewayGotWrongIsKept) {
  const wire::StorageReport storage{{{sha('a'), 5, true}}, 5, 9, {{sha('e'), 3}}};
  const auto read = rows::storage(rows::doc(storage));
  ASSERT_TRUE(read);
  EXPECT_EQ(**read, storage);
  const wire::StorageReport before{{{sha('a'), 5, true}}, 5, 9};
  EXPECT_EQ(**rows::storage(rows::doc(before)), before);
}

}  // namespace
}  // namespace dray::adapters
