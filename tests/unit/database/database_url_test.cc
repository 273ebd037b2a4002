#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/database/database.h"

namespace mirror {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(DatabaseUrlTest, SqliteIsAPath) {
  const auto url = DatabaseUrl::parse("sqlite:/var/lib/mirror works/a?b#c.db");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->engine, Engine::kSqlite);
  EXPECT_EQ(url->target, "/var/lib/mirror works/a?b#c.db");
  EXPECT_EQ(url->display(), "sqlite:/var/lib/mirror works/a?b#c.db");
}

TEST(DatabaseUrlTest, PostgresqlIsWhatLibpqTakesAndShownWithoutThePassword) {
  for (const char* text :
       {"postgresql://alice:se%40cret@db.example:5433/mirrors",
        "postgres://alice:se%40cret@db.example:5433/mirrors",
        "host=db.example user=alice password=se@cret port=5433 dbname=mirrors",
        "postgresql://alice@db.example:5433/mirrors?password=se%40cret&sslmode=require"}) {
    const auto url = DatabaseUrl::parse(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->engine, Engine::kPostgresql);
    EXPECT_EQ(url->target, text);
    EXPECT_EQ(url->display(), "postgresql://alice@db.example:5433/mirrors");
  }
}

TEST(DatabaseUrlTest, WhatIsNoUrlIsRefusedWithARemedy) {
  for (const char* text :
       {"", "sqlite", "sqlite:", "mysql://host/db", "/var/lib/a.db", "mirrors"}) {
    const auto url = DatabaseUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_THAT(url.error().message, HasSubstr("MIRROR_DATABASE")) << text;
  }
  EXPECT_FALSE(DatabaseUrl::parse(std::string_view("sqlite:a\0b", 10)));
  EXPECT_THAT(DatabaseUrl::parse("sqlite::memory:").error().message, HasSubstr("would end"));
  EXPECT_THAT(DatabaseUrl::parse("postgresql+psycopg2://alice:secret@h/d").error().message,
              HasSubstr("drop the driver's name: postgresql:"));
}

TEST(DatabaseUrlTest, AWrongUrlDoesNotGiveThePasswordAway) {
  for (const char* text :
       {"postgresql://alice:se%zzcret@db.example/mirrors", "postgresql://alice:secret@[db/mirrors",
        "host=h passwort=secret", "password=secret nonsense", "mysql://alice:secret@h/d",
        "postgresql+asyncpg://alice:secret@h/d"}) {
    const auto url = DatabaseUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_THAT(url.error().message, Not(HasSubstr("cret"))) << text;
  }
}

TEST(DatabaseUrlTest, WithoutASecretLibpqSaysWhy) {
  const auto url = DatabaseUrl::parse("hots=db dbname=mirrors");
  ASSERT_FALSE(url);
  EXPECT_THAT(url.error().message, HasSubstr("hots"));
}

}  // namespace
}  // namespace mirror
