// HASH, RANG and MODE Z with the whole server on the simulated kernel: what is in the files afterwards, what happens
// meanwhile, and under short counts and errors. draft-bryan-ftpext-hash-02, draft-bryan-ftp-range-08,
// draft-preston-ftpext-deflate-04.
#include <fmt/format.h>

#include <cerrno>
#include <string>

#include "core/digest.hpp"
#include "tests/catch.hpp"
#include "tests/sim/secure_visitor.hpp"
#include "tests/sim/storm_wire.hpp"

namespace {

using core::HashAlgorithm;
using sim::SecureSite;
using sim::SimConnection;
using sim::Visitor;

std::string hex_of(std::string_view octets, HashAlgorithm algorithm = HashAlgorithm::sha_256) {
  core::Digest digest(algorithm);
  digest.update(octets);
  return digest.finish();
}

std::string noise(std::size_t size) {
  std::string all;
  for (std::uint32_t x = 1; all.size() < size; x = x * 1664525 + 1013904223) all += static_cast<char>(x >> 24);
  return all;
}

/// A site whose buffers are small, so that everything takes several pieces.
struct Site : SecureSite {
  explicit Site(std::uint64_t seed = 1, const std::function<void(core::Config&)>& adjust = {})
      : SecureSite(seed, [&](core::Config& config, tests::Authority&) {
          config.data.buffer_kib = 16;
          config.tuning.slice_kib = 16;
          config.tuning.preallocate_mib = 1;
          if (adjust) adjust(config);
        }) {}
  std::string file(const std::string& name) { return world.files().content("/srv/" + name).value_or("(none)"); }
};

struct Client : Visitor {
  explicit Client(SecureSite& site) : Visitor(site) {
    CHECK(reply() == "220");
    CHECK(talk("USER demo") == "230");
    CHECK(talk("TYPE I") == "200");
  }
  static bool begins(const std::string& code) { return code == "150" || code == "125"; }
  /// What came, behind 125 or 150 and the last code.
  std::string fetch(std::string_view command, std::string_view last = "226") {
    SimConnection data = open_data();
    CHECK(begins(talk(command)));
    std::string all;
    CHECK(wait([&] { return all += data.read(), data.ended(); }));
    CHECK(reply() == last);
    return all;
  }
  std::string put(std::string_view command, std::string_view content) {
    SimConnection data = open_data();
    if (const std::string code = talk(command); !begins(code)) return code;
    data.write(content);
    data.shutdown_send();
    return reply();
  }
  std::string zip(std::string_view file) { return sim::encode(z, file).octets; }
  std::string unzip(std::string_view wire) { return sim::decode(z, wire).file(); }
  static constexpr core::Representation z{.type = core::Type::image, .mode = core::Mode::deflate};
};

}  // namespace

// ---- HASH ----

TEST_CASE("HASH tells the digest of what RETR would send, and remembers it while the file stays",
          "[sim][contents][HA-01]") {
  Site site;
  std::string content = noise(100'000);
  site.world.files().make_file("/srv/file", content);
  site.world.run_for(10 * io::second);
  Client client(site);
  for (int i = 0; i < 2; ++i) {
    CHECK(client.talk("HASH file") == "213");
    CHECK(client.text() == "213 SHA-256 0-99999 " + hex_of(content) + " file");
    CHECK(site.context().digests.size() == 1);
  }
  CHECK(client.talk("XCRC \"file\" 10 1000") == "250");
  CHECK(client.text() == "250 " + hex_of(content.substr(10, 990), HashAlgorithm::crc32));
  CHECK(site.context().digests.size() == 2);
  content[5] = 'x';
  CHECK(client.talk("REST 0") == "350");
  CHECK(client.put("STOR file", content) == "226");
  for (int i = 0; i < 2; ++i) {
    CHECK(client.talk("HASH file") == "213");
    CHECK(client.text() == "213 SHA-256 0-99999 " + hex_of(content) + " file");
  }
  CHECK(site.context().digests.size() == 2);  // it has just changed
  CHECK(site.context().heavy_works == 0);
}

TEST_CASE("HASH of nothing, of a directory, and of more than is allowed", "[sim][contents][HA-05]") {
  Site site(1, [](core::Config& config) { config.limits.digest_max_bytes = 1000; });
  site.world.files().make_file("/srv/empty", "");
  site.world.files().make_file("/srv/large", std::string(1001, 'x'));
  site.world.files().make_directory("/srv/pub");
  Client client(site);
  CHECK(client.talk("HASH empty") == "213");
  CHECK(client.talk("HASH pub") == "553");
  CHECK(client.talk("HASH absent") == "550");
  CHECK(client.talk("HASH large") == "556");
  CHECK(client.talk("XMD5 large") == "550");
  CHECK(client.talk("RANG 1 1000") == "350");
  CHECK(client.talk("HASH large") == "213");
  CHECK(client.talk("RANG 1001 1002") == "350");
  CHECK(client.talk("HASH large") == "551");
}

TEST_CASE("STAT tells how far a digest is, and ABOR ends it", "[sim][contents][AB-01]") {
  Site site;
  site.world.files().make_file("/srv/file", noise(1'000'000));
  Client client(site);
  site.world.set_faults({.short_counts = 0.3, .slow_disk = 1});
  client.send("HASH file\r\n");
  site.world.run_for(3 * io::second);
  client.send("STAT\r\n");
  std::string status;
  CHECK(client.wait([&] { return (status += client.control().read()).find("211 ") != std::string::npos; }));
  CHECK(status.find(" HASH in progress: ") != std::string::npos);
  CHECK(status.find(" of 1000000 octets done") != std::string::npos);
  CHECK(site.context().heavy_works == 1);
  CHECK(client.talk("ABOR") == "451");
  CHECK(client.reply() == "226");
  CHECK(site.context().heavy_works == 0);
  CHECK(client.talk("NOOP") == "200");
}

TEST_CASE("ABOR ends a digest soon from behind a line that waits for it", "[sim][contents][AB-01]") {
  Site site;
  site.world.files().make_file("/srv/file", noise(1'000'000));
  Client client(site);
  site.world.set_faults({.slow_disk = 1});  // some 15 seconds
  const bool together = GENERATE(true, false);
  client.send("HASH file\r\nNOOP\r\n");
  if (!together) site.world.run_for(io::second);
  const io::Time asked = site.world.timeline().now();
  client.send("ABOR\r\n");
  CHECK(client.reply() == "451");
  CHECK(site.world.timeline().now() - asked < 2 * io::second);
  CHECK(client.reply() == "200");
  CHECK(client.reply() == "226");
}

TEST_CASE("a digest ends with its session", "[sim][contents]") {
  Site site;
  site.world.files().make_file("/srv/file", noise(1'000'000));
  site.world.set_faults({.slow_disk = 1});
  Client client(site);
  client.send("HASH file\r\n");
  CHECK(client.wait([&] { return site.context().heavy_works == 1; }));
  client.control().close();
  CHECK(site.world.run_until([&] { return site.sessions() == 0; }));
  CHECK(site.context().heavy_works == 0);
}

TEST_CASE("a file that changes while it is read is told and not remembered; one that is cut is busy",
          "[sim][contents]") {
  Site site;
  const std::string content = noise(4'000'000);
  site.world.files().make_file("/srv/file", content);
  site.world.run_for(10 * io::second);
  Client client(site), writer(site);
  const bool cuts = GENERATE(false, true);
  site.world.set_faults({.slow_disk = 0.3});
  client.send("HASH file\r\n");
  CHECK(client.wait([&] { return site.context().heavy_works == 1; }));
  site.world.run_for(2 * io::second);  // it is open, and being read
  if (cuts) {
    CHECK(writer.put("STOR file", "short") == "226");
    CHECK(client.reply() == "450");
  } else {
    CHECK(writer.put("APPE file", "more") == "226");
    CHECK(client.reply() == "213");
  }
  CHECK(site.context().digests.size() == 0);
}

TEST_CASE("whichever operation of a digest fails, it is answered and nothing is left over", "[sim][contents]") {
  for (std::uint64_t n = 1; n < 100; ++n) {
    INFO("operation " << n << " fails");
    Site site(n);
    site.world.files().make_file("/srv/file", noise(40'000));
    bool met = false;
    {
      Client client(site);
      site.world.fault_plan().fail_operation(n, EIO);
      client.send("HASH file\r\n");
      const std::string code = client.reply();
      met = site.world.fault_plan().fault_met();
      site.world.fault_plan().fail_none();
      CHECK((code == "213" || code == "451" || code.empty()));
    }
    if (met) continue;
    CHECK(n > 3);
    break;
  }
}

// ---- RANG ----

TEST_CASE("RANG and RETR send those octets that there are", "[sim][contents][HA-07][HA-09]") {
  Site site;
  const std::string content = noise(100'000);
  site.world.files().make_file("/srv/file", content);
  site.world.files().make_file("/srv/empty", "");
  Client client(site);
  const auto ranged = [&](std::string_view range, std::string_view name) {
    CHECK(client.talk("RANG " + std::string(range)) == "350");
    return client.fetch("RETR " + std::string(name));
  };
  CHECK((ranged("0 0", "file") == content.substr(0, 1)));
  CHECK((ranged("30000 69999", "file") == content.substr(30'000, 40'000)));
  CHECK((ranged("99999 200000", "file") == content.substr(99'999)));
  CHECK(ranged("100000 200000", "file").empty());
  CHECK(ranged("5000000 6000000", "file").empty());
  CHECK(ranged("0 10", "empty").empty());
  CHECK((client.fetch("RETR file") == content));
}

TEST_CASE("RANG and STOR change nothing outside the range", "[sim][contents][HA-08]") {
  const auto publish = GENERATE(core::Publish::direct, core::Publish::atomic, core::Publish::durable);
  const std::uint64_t seed = GENERATE(1, 2, 3);
  Site site(seed, [&](core::Config& config) { config.uploads.publish = publish; });
  site.world.set_faults({.short_counts = 0.5});
  std::string content = noise(100'000);
  site.world.files().make_file("/srv/file", content);
  Client client(site);
  const auto store = [&](std::size_t first, std::size_t last, std::string_view octets) {
    CHECK(client.talk(fmt::format("RANG {} {}", first, last)) == "350");
    return client.put("STOR file", octets);
  };
  CHECK(store(20'000, 59'999, std::string(40'000, 'x')) == "226");
  content.replace(20'000, 40'000, 40'000, 'x');
  CHECK((site.file("file") == content));
  CHECK(store(0, 2, "abc") == "226");
  content.replace(0, 3, "abc");
  CHECK((site.file("file") == content));
  CHECK(store(0, 2, "too many octets") == "552");  // none of them behind the range
  content.replace(0, 3, "too");
  CHECK((site.file("file") == content));
  CHECK(store(3, 9, "few") == "426");
  content.replace(3, 3, "few");
  CHECK((site.file("file") == content));
  CHECK(store(100'000, 100'009, "behind it.") == "226");
  CHECK((site.file("file") == content + "behind it."));
  CHECK(store(100'011, 100'012, "xx") == "554");
  CHECK(client.talk("RANG 0 4") == "350");
  CHECK(client.put("APPE file", "ABCDE") == "226");
  content.replace(0, 5, "ABCDE");
  CHECK((site.file("file") == content + "behind it."));
  CHECK(client.talk("RANG 0 2") == "350");
  CHECK(client.put("STOR new", "new") == "226");
  CHECK(site.file("new") == "new");
}

TEST_CASE("a range that breaks leaves the rest of its file, whether what is partial is kept or not",
          "[sim][contents][HA-08]") {
  const bool keeps = GENERATE(true, false), resets = GENERATE(true, false);
  CAPTURE(keeps, resets);
  Site site(1, [&](core::Config& config) { config.uploads.keep_partial = keeps; });
  const std::string content = noise(100'000);
  site.world.files().make_file("/srv/file", content);
  Client client(site);
  {
    CHECK(client.talk("RANG 20000 59999") == "350");
    SimConnection data = client.open_data();
    CHECK(Client::begins(client.talk("STOR file")));
    data.write(std::string(10'000, 'x'));
    CHECK(client.wait([&] { return data.all_delivered(); }));
    if (resets) {
      data.reset();
    } else {
      data.shutdown_send();
    }
    CHECK(client.reply() == "426");
  }
  const std::string left = site.file("file");
  CHECK(left.size() == content.size());
  CHECK((left.substr(0, 20'000) == content.substr(0, 20'000)));
  CHECK((left.substr(30'000) == content.substr(30'000)));
  CHECK(client.talk("RANG 0 99") == "350");
  CHECK(client.put("STOR new", "few") == "426");
  CHECK(site.file("new") == (keeps ? "few" : "(none)"));
}

// ---- MODE Z ----

TEST_CASE("files and listings travel as zlib streams, under short counts too", "[sim][contents][MZ-01][MZ-04]") {
  const std::uint64_t seed = GENERATE(1, 2, 3, 4);
  Site site(seed);
  site.world.set_faults({.short_counts = 0.5, .slow_disk = 0.1});
  const std::string content = noise(100'000) + std::string(200'000, 'x') + noise(5000);
  site.world.files().make_file("/srv/file", content);
  Client client(site);
  CHECK(client.talk("MODE Z") == "200");
  const std::string wire = client.fetch("RETR file");
  CHECK(wire.size() < 120'000);
  CHECK((client.unzip(wire) == content));
  CHECK(client.talk("REST 99990") == "350");
  CHECK((client.unzip(client.fetch("RETR file")) == content.substr(99'990)));
  CHECK(client.put("STOR up", client.zip(content)) == "226");
  CHECK((site.file("up") == content));
  CHECK(client.talk("REST 1000") == "350");
  CHECK(client.put("STOR up", client.zip("resumed")) == "226");
  CHECK((site.file("up") == content.substr(0, 1000) + "resumed"));
  CHECK(client.put("APPE up", client.zip(" appended")) == "226");
  CHECK((site.file("up") == content.substr(0, 1000) + "resumed appended"));
  constexpr core::Representation text{.mode = core::Mode::deflate};
  CHECK(sim::decode(text, client.fetch("NLST")).file().find("file\n") != std::string::npos);
  CHECK(sim::decode(text, client.fetch("MLSD")).file().find("; file\n") != std::string::npos);
  CHECK(client.talk("MODE S") == "200");
  CHECK((client.fetch("RETR file") == content));
}

TEST_CASE("an upload in MODE Z ends with its stream, not with its connection", "[sim][contents][MZ-02][MZ-03]") {
  Site site;
  const std::string content = noise(50'000);
  Client client(site);
  CHECK(client.talk("MODE Z") == "200");
  const std::string wire = client.zip(content);
  CHECK(client.put("STOR cut", wire.substr(0, wire.size() - 1)) == "426");
  CHECK(client.put("STOR behind", wire + "and more of it") == "226");
  CHECK((site.file("behind") == content));
  std::string broken = wire;
  broken.back() = static_cast<char>(broken.back() ^ 1);
  CHECK(client.put("STOR broken", broken) == "451");
  CHECK(client.put("STOR plain", "no zlib stream at all") == "451");
  SimConnection data = client.open_data();
  CHECK(Client::begins(client.talk("STOR open")));
  data.write(wire);
  CHECK(client.reply() == "226");  // the client has not closed
  CHECK((site.file("open") == content));
}

TEST_CASE("what inflates to more than it may ends with 552", "[sim][contents][MZ-07]") {
  const std::string zeros(3'000'000, '\0');
  const auto stores = [&](std::int64_t ratio, std::int64_t most) {
    Site site(1, [&](core::Config& config) {
      config.limits.inflate_ratio = ratio;
      config.uploads.file_max_bytes = most;
    });
    Client client(site);
    CHECK(client.talk("MODE Z") == "200");
    const std::string code = client.put("STOR bomb", client.zip(zeros));
    CHECK(site.file("bomb").size() <= (most > 0 ? static_cast<std::size_t>(most) : zeros.size()));
    return code;
  };
  CHECK(stores(250, 0) == "226");  // below 64 MiB any ratio is good
  CHECK(stores(250, 1'000'000) == "552");
  CHECK(stores(0, 0) == "226");
}

TEST_CASE("behind 64 MiB an upload that inflates beyond limits.inflate_ratio ends with 552", "[sim][contents][MZ-07]") {
  const auto [ratio, code] = GENERATE(table<std::int64_t, std::string>({{10, "552"}, {250, "226"}}));
  Site site(1, [&](core::Config& config) {
    config.data.buffer_kib = 256;
    config.limits.inflate_ratio = ratio;
  });
  constexpr std::size_t free = 64 * 1024 * 1024, size = 70'000'000;
  Client client(site);
  const std::string wire = client.zip(std::string(size, '\0'));  // a thousandth
  REQUIRE(size - free > 10 * wire.size());
  CHECK(client.talk("MODE Z") == "200");
  CHECK(client.put("STOR bomb", wire) == code);
  CHECK((client.text().find("too much for its size") != std::string::npos) == (code == "552"));
  CHECK(site.file("bomb").size() <= (code == "552" ? free + 10 * wire.size() : size));
  CHECK(client.talk("NOOP") == "200");
}

TEST_CASE("ABOR and a broken connection end a transfer in MODE Z", "[sim][contents][MZ-03]") {
  Site site;
  site.world.files().make_file("/srv/file", noise(3'000'000));
  Client client(site);
  CHECK(client.talk("MODE Z") == "200");
  {
    SimConnection data = client.open_data();
    CHECK(Client::begins(client.talk("RETR file")));
    CHECK(client.wait([&] { return !data.peek().empty(); }));
    CHECK(client.talk("ABOR") == "426");
    CHECK(client.reply() == "226");
  }
  SimConnection data = client.open_data();
  CHECK(Client::begins(client.talk("STOR up")));
  data.write(client.zip(noise(100'000)).substr(0, 50'000));
  CHECK(client.wait([&] { return data.all_delivered(); }));
  data.reset();
  CHECK(client.reply() == "426");
}
