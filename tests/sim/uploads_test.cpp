// Uploads with the whole server on the simulated kernel: where the bytes go, which names they get, what is on disk when
// they are acknowledged, and what a failed one takes away. Not in any RFC: what users of a file host need.
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "core/path.hpp"
#include "tests/catch.hpp"
#include "tests/sim/secure_visitor.hpp"

namespace {

using core::Publish;
using sim::SecureSite;
using sim::SimConnection;
using sim::Visitor;

constexpr Publish all_publishing[] = {Publish::direct, Publish::atomic, Publish::durable};

struct Site : SecureSite {
  explicit Site(Publish publish = Publish::direct, const std::function<void(core::Config&)>& adjust = {})
      : SecureSite(1, [&](core::Config& config, tests::Authority&) {
          config.uploads.publish = publish;
          config.data.buffer_kib = 16;
          config.tuning.slice_kib = 16;
          config.tuning.preallocate_mib = 1;
          if (adjust) adjust(config);
        }) {}
  sim::SimFiles& files() { return world.files(); }
  std::string file(const std::string& name) { return files().content("/srv/" + name).value_or("(none)"); }
  std::string on_disk(const std::string& name, sim::SimFiles::Loss loss = sim::SimFiles::Loss::everything) {
    return files().after_power_cut("/srv/" + name, loss).value_or("(none)");
  }
  bool leaves_temporary(const std::string& directory = "/srv") {
    return std::ranges::any_of(files().names(directory), core::is_temporary_name);
  }
};

struct Client : Visitor {
  explicit Client(SecureSite& site, std::string_view type = "TYPE I") : Visitor(site) {
    CHECK(reply() == "220");
    CHECK(talk("USER demo") == "230");
    CHECK(talk(type) == "200");
  }
  /// The data connection of an upload that has begun.
  SimConnection begin(std::string_view command) {
    SimConnection data = open_data();
    const std::string code = talk(command);
    CHECK((code == "150" || code == "125"));
    return data;
  }
  std::string end(SimConnection& data) {
    data.shutdown_send();
    return reply();
  }
  /// The last code, of 150 and 226 or of a refusal.
  std::string put(std::string_view command, std::string_view content) {
    SimConnection data = open_data();
    if (const std::string code = talk(command); code != "150" && code != "125") return code;
    data.write(content);
    return end(data);
  }
  void abort() {
    CHECK(talk("ABOR") == "426");
    CHECK(reply() == "226");
  }
};

}  // namespace

// ---- What a failed upload takes away ----

namespace {

/// How another file comes to the name of an upload that runs.
struct Replacement {
  const char* how;
  void (*replace)(Site& site, Client& other);
};

constexpr Replacement replacements[] = {
    {"DELE and STOR",
     [](Site&, Client& other) {
       CHECK(other.talk("DELE d/x") == "250");
       CHECK(other.put("STOR d/x", "other") == "226");
     }},
    {"STOR and RNTO",
     [](Site&, Client& other) {
       CHECK(other.put("STOR d/y", "other") == "226");
       CHECK(other.talk("RNFR d/y") == "350");
       CHECK(other.talk("RNTO d/x") == "250");
     }},
    {"SITE CPTO",
     [](Site&, Client& other) {
       CHECK(other.talk("SITE CPFR other") == "350");
       CHECK(other.talk("SITE CPTO d/x") == "250");
     }},
    {"a local rename",
     [](Site& site, Client&) { CHECK(site.files().rename(nullptr, "/srv/other", nullptr, "/srv/d/x", 0) == 0); }},
    {"a directory that was moved away and made anew",
     [](Site& site, Client&) {
       CHECK(site.files().rename(nullptr, "/srv/d", nullptr, "/srv/moved", 0) == 0);
       site.files().make_file("/srv/d/x", "other");
     }},
};

}  // namespace

TEST_CASE("a failed upload takes away its own file alone", "[sim][uploads]") {
  for (const Replacement& replacement : replacements) {
    for (const char* sent : {"", "bytes"}) {
      for (const bool vanishes : {false, true}) {
        INFO(replacement.how << ", " << sent << ", " << vanishes);
        Site site(Publish::direct, [](core::Config& config) { config.uploads.keep_partial = false; });
        site.files().make_directory("/srv/d");
        site.files().make_file("/srv/other", "other");
        Client client(site), other(site);
        SimConnection data = client.begin("STOR d/x");
        data.write(sent);
        site.world.run_for(io::second);
        replacement.replace(site, other);
        if (vanishes) {
          data.reset();
          client.control().reset();
          CHECK(site.world.run_until([&] { return site.sessions() == 1; }));
        } else {
          client.abort();
        }
        CHECK(site.file("d/x") == "other");
        CHECK_FALSE(site.files().exists("/srv/moved/x"));
      }
    }
  }
}

TEST_CASE("a failed upload leaves what another one has put into its file", "[sim][uploads]") {
  Site site(Publish::direct, [](core::Config& config) { config.uploads.keep_partial = false; });
  Client client(site), other(site);
  SimConnection data = client.begin("STOR x");
  CHECK(other.put("APPE x", "other") == "226");
  client.abort();
  CHECK(site.file("x") == "other");
}

// ---- What closing tells ----

TEST_CASE("an error that only closing tells is the upload's", "[sim][uploads]") {
  for (const Publish publish : all_publishing) {
    INFO(static_cast<int>(publish));
    Site site(publish);
    site.files().make_file("/srv/old", "old");
    site.files().make_file("/srv/part", "part");
    site.files().make_directory("/srv/d");
    Client client(site);
    CHECK(client.talk("SITE CPFR part") == "350");
    site.files().space().close_error = EIO;
    CHECK(client.talk("SITE CPTO d/copy") == "451");
    CHECK(client.talk("COMB d/whole part") == "451");
    CHECK(site.file("part") == "part");
    CHECK(site.files().names("/srv/d").empty());
    CHECK(client.put("STOR new", "new") == "451");
    CHECK(client.put("STOR old", "new") == "451");
    CHECK(client.put("STOU", "new") == "451");
    if (publish != Publish::direct) CHECK(site.file("old") == "old");
    if (publish != Publish::direct) CHECK(site.file("new") == "(none)");
    site.files().space().close_error = EDQUOT;
    CHECK(client.put("APPE old", "more") == "552");
    CHECK(client.put("STOR new", "new") == "552");
    CHECK_FALSE(site.leaves_temporary());
    site.files().space().close_error = 0;
    CHECK(client.put("STOR new", "new") == "226");
    CHECK(site.file("new") == "new");
  }
}

// ---- What is on disk ----

namespace {

/// `path` has `content` once it is acknowledged, and until then what it was.
struct Acknowledged {
  std::vector<std::string> before;
  std::string command, sent, path, content;
};

const std::vector<Acknowledged> acknowledged = {
    {{}, "STOR new", "new bytes", "new", "new bytes"},
    {{}, "STOR old", "new bytes", "old", "new bytes"},
    {{}, "STOR link", "new bytes", "d/target", "new bytes"},
    {{}, "STOR dangling", "new bytes", "d/new", "new bytes"},
    {{}, "STOR unread/new", "new bytes", "unread/new", "new bytes"},
    {{}, "APPE old", " and more", "old", "old bytes and more"},
    {{}, "APPE new", "new bytes", "new", "new bytes"},
    {{"REST 4"}, "STOR old", "BYTES", "old", "old BYTES"},
    {{"RANG 0 2"}, "STOR old", "OLD", "old", "OLD bytes"},
    {{}, "COMB new old part", "", "new", "old bytespart"},
    {{}, "COMB old part", "", "old", "old bytespart"},
    {{"SITE CPFR part"}, "SITE CPTO new", "", "new", "part"},
    {{"SITE CPFR part"}, "SITE CPTO old", "", "old", "part"},
    {{"MKD fresh"}, "STOR fresh/new", "new bytes", "fresh/new", "new bytes"},
    {{"SITE MKDIR a/b"}, "STOR a/b/new", "new bytes", "a/b/new", "new bytes"},
};

void prepare_disk(Site& site) {
  site.files().make_file("/srv/old", "old bytes");
  site.files().make_file("/srv/part", "part");
  site.files().make_file("/srv/d/target", "target");
  site.files().make_symlink("/srv/link", "d/target");
  site.files().make_symlink("/srv/dangling", "d/new");
  site.files().make_directory("/srv/unread", 0300);
}

}  // namespace

TEST_CASE("durable: what is acknowledged survives a power cut", "[sim][uploads]") {
  for (const bool nameless : {true, false}) {
    for (const Acknowledged& one : acknowledged) {
      INFO(one.command << (nameless ? "" : ", without O_TMPFILE"));
      Site site(Publish::durable);
      prepare_disk(site);
      site.files().space().no_tmpfile = !nameless;
      Client client(site);
      for (const std::string& line : one.before) {
        const std::string code = client.talk(line);
        CHECK((code == "350" || code == "250" || code == "257"));
      }
      const std::string before = site.on_disk(one.path);
      bool whole_or_old = true;
      const auto look = [&] {
        const std::string now = site.on_disk(one.path, sim::SimFiles::Loss::contents);
        whole_or_old = whole_or_old && (now == before || now == one.content || (before == "(none)" && now.empty()));
      };
      if (one.sent.empty()) {
        CHECK(client.talk(one.command) == "250");
        look();
      } else {
        SimConnection data = client.begin(one.command);
        data.write(one.sent);
        data.shutdown_send();
        std::string replies;
        const bool unseen = one.command.starts_with("STOR") && one.before.empty();
        CHECK(site.world.run_until([&] {
          if (unseen) look();
          return (replies += client.control().read()).find('\n') != std::string::npos;
        }));
        CHECK(replies.starts_with("226"));
      }
      CHECK(whole_or_old);
      CHECK(site.on_disk(one.path) == one.content);
      CHECK(site.file(one.path) == one.content);
    }
  }
}

TEST_CASE("durable: no name leads to bytes that a power cut takes away", "[sim][uploads]") {
  for (const bool nameless : {true, false}) {
    for (const std::string name : {"new", "old", "link"}) {
      INFO(name << (nameless ? "" : ", without O_TMPFILE"));
      Site site(Publish::durable);
      prepare_disk(site);
      site.files().space().no_tmpfile = !nameless;
      const std::string path = name == "link" ? "d/target" : name;
      const std::string before = site.on_disk(path);
      Client client(site);
      SimConnection data = client.begin("STOR " + name);
      data.write("new bytes");
      data.shutdown_send();
      std::string replies;
      std::vector<std::string> seen;
      CHECK(site.world.run_until([&] {
        const std::string now = site.on_disk(path, sim::SimFiles::Loss::contents);
        if (seen.empty() || seen.back() != now) seen.push_back(now);
        return (replies += client.control().read()).find('\n') != std::string::npos;
      }));
      CHECK(replies.starts_with("226"));
      CHECK(seen == std::vector<std::string>{before, "new bytes"});
    }
  }
}

TEST_CASE("a marker is answered when what it stands behind is on disk", "[sim][uploads]") {
  Site site;
  site.files().make_file("/srv/old", "old");
  Client client(site);
  CHECK(client.talk("FEAT") == "211");
  CHECK(client.talk("MODE B") == "200");
  SimConnection data = client.begin("STOR old");
  data.write(std::string("\x00\x00\x05", 3) + "bytes" + std::string("\x10\x00\x01", 3) + "m");
  CHECK(client.reply() == "110");
  CHECK(site.on_disk("old") == "bytes");
  data.write(std::string("\x40\x00\x00", 3));
  CHECK(client.reply() == "250");
}

// ---- Appends ----

TEST_CASE("appends of several sessions and of others are all there", "[sim][uploads]") {
  for (const char* type : {"TYPE I", "TYPE A"}) {
    for (const Publish publish : all_publishing) {
      INFO(type << ", " << static_cast<int>(publish));
      Site site(publish);
      site.files().make_file("/srv/log", "begin.");
      Client one(site, type), two(site, type);
      CHECK(two.talk("ALLO 1000") == "200");
      SimConnection first = one.begin("APPE log"), second = two.begin("APPE log");
      const auto write = [&](SimConnection& data, std::string_view text, std::string_view there) {
        data.write(text);
        CHECK(site.world.run_until([&] { return site.file("log").ends_with(there); }));
      };
      write(first, "one.", "one.");
      write(second, "two two.", "two two.");
      const open_how how{.flags = O_WRONLY | O_APPEND, .mode = 0, .resolve = 0};
      auto local = site.files().open(nullptr, "/srv/log", how);
      REQUIRE(local);
      CHECK(site.files().write(*local, std::string_view("local."), 0) == 6);
      write(first, "one again.", "one again.");
      CHECK(two.end(second) == "226");
      CHECK(site.files().write(*local, std::string_view("local again."), 0) == 12);
      CHECK(one.end(first) == "226");
      CHECK(site.file("log") == "begin.one.two two.local.one again.local again.");
    }
  }
}

TEST_CASE("an append that is broken off leaves what others have appended", "[sim][uploads]") {
  for (const bool keep : {false, true}) {
    Site site(Publish::direct, [&](core::Config& config) { config.uploads.keep_partial = keep; });
    Client one(site), two(site);
    CHECK(one.talk("ALLO 100000") == "200");
    SimConnection first = one.begin("APPE log");
    first.write(std::string(40'000, '1'));
    CHECK(site.world.run_until([&] { return site.file("log").size() == 40'000; }));
    CHECK(two.put("APPE log", "two") == "226");
    one.abort();
    CHECK(site.file("log") == std::string(40'000, '1') + "two");
  }
}

TEST_CASE("ALLO and APPE: room that is not there is refused at once", "[sim][uploads]") {
  Site site;
  site.files().mount("/srv/small", 100'000);
  Client client(site);
  CHECK(client.talk("ALLO 200000") == "200");
  CHECK(client.put("APPE small/log", "text") == "452");
  CHECK(site.files().names("/srv/small").empty());
  CHECK(client.put("APPE small/log", "text") == "226");
}

// ---- What is replaced ----

TEST_CASE("what replaces a file has its mode, and its owner if it can", "[sim][uploads]") {
  struct Case {
    unsigned mode, uid, gid;
    bool may_give_away;
    unsigned new_mode, new_uid, new_gid;
  };
  constexpr Case cases[] = {
      {0600, 1000, 1000, false, 0600, 1000, 1000}, {0664, 1000, 100, false, 0664, 1000, 100},
      {0666, 1001, 100, false, 0666, 1000, 100},   {0662, 1000, 1000, true, 0662, 1000, 1000},
      {0660, 1001, 1001, true, 0660, 1001, 1001},  {0666, 1001, 1001, false, 0666, 1000, 1000},
      {0660, 1000, 1001, false, 0600, 1000, 1000},  // the group is lost, and another must not get its rights
  };
  for (const Publish publish : all_publishing) {
    for (const bool nameless : {true, false}) {
      for (const Case& one : cases) {
        INFO(fmt::format("{:o} {} {}", one.mode, one.uid, one.gid));
        Site site(publish);
        site.files().space().no_tmpfile = !nameless;
        site.files().may_give_away = one.may_give_away;
        site.files().make_file("/srv/file", "old", one.mode);
        site.files().make_file("/srv/part", "part");
        site.files().set_owner("/srv/file", one.uid, one.gid);
        Client client(site);
        CHECK(client.put("STOR file", "new") == "226");
        CHECK(site.file("file") == "new");
        const auto check = [&] {
          const auto node = site.files().find("/srv/file");
          CHECK(node->mode == one.new_mode);
          CHECK(node->uid == one.new_uid);
          CHECK(node->gid == one.new_gid);
        };
        if (publish != Publish::direct) check();
        CHECK(client.talk("COMB file part") == "250");
        CHECK(site.file("file") == "newpart");
        check();
      }
    }
  }
}

TEST_CASE("a file that may not be written is not replaced either", "[sim][uploads]") {
  for (const Publish publish : all_publishing) {
    Site site(publish);
    site.files().make_file("/srv/file", "old", 0444);
    Client client(site);
    CHECK(client.put("STOR file", "new") == "553");
    CHECK(site.file("file") == "old");
  }
}

TEST_CASE("an upload follows a link to the file that it leads to", "[sim][uploads]") {
  for (const Publish publish : all_publishing) {
    INFO(static_cast<int>(publish));
    Site site(publish);
    site.files().make_file("/srv/d/target", "old", 0600);
    site.files().make_file("/srv/part", "part");
    site.files().make_symlink("/srv/e/link", "../e/second");
    site.files().make_symlink("/srv/e/second", "../d/../d/target");
    site.files().make_symlink("/srv/e/dangling", "../d/new");
    site.files().make_symlink("/srv/e/absolute", "/srv/d/target");
    site.files().make_symlink("/srv/e/out", "../../etc/file");
    site.files().make_symlink("/srv/e/round", "round");
    site.files().make_symlink("/srv/e/directory", "../d/");
    site.files().make_symlink("/srv/e/nowhere", "absent/file");
    Client client(site);
    CHECK(client.put("STOR e/link", "new") == "226");
    CHECK(site.file("d/target") == "new");
    CHECK(site.files().find("/srv/d/target")->mode == 0600);
    CHECK(client.put("STOR e/dangling", "made") == "226");
    CHECK(site.file("d/new") == "made");
    CHECK(client.put("APPE e/link", " more") == "226");
    CHECK(site.file("d/target") == "new more");
    CHECK(client.talk("COMB e/link part") == "250");
    CHECK(site.file("d/target") == "new morepart");
    for (const char* link : {"link", "second", "dangling"})
      CHECK(site.files().find(std::string("/srv/e/") + link)->type == sim::Node::Type::symlink);
    for (const char* link : {"absolute", "out", "round", "directory", "nowhere"}) {
      INFO(link);
      CHECK(client.put(std::string("STOR e/") + link, "new").starts_with("55"));
    }
    CHECK_FALSE(site.files().exists("/etc/file"));
    CHECK(site.files().names("/srv/d") == std::vector<std::string>{"new", "target"});
  }
}

TEST_CASE("an upload through a link that fails takes away nothing else", "[sim][uploads]") {
  Site site;
  site.files().make_directory("/srv/d");
  site.files().make_symlink("/srv/link", "d/new");
  Client client(site);
  SimConnection data = client.begin("STOR link");
  CHECK(site.files().exists("/srv/d/new"));
  client.abort();
  CHECK_FALSE(site.files().exists("/srv/d/new"));
  CHECK(site.files().exists("/srv/link"));
}

// ---- Temporary names ----

TEST_CASE("temporary names are nobody's to use", "[sim][uploads]") {
  Site site(Publish::atomic);
  const std::string name = ".millrace-0123456789abcdef";
  site.files().make_file("/srv/" + name, "hidden");
  site.files().make_file("/srv/file", "file");
  Client client(site);
  for (const std::string command : {"STOR", "STOU", "APPE"}) CHECK(client.talk(command + " " + name) == "553");
  CHECK(client.talk("RNFR file") == "350");
  CHECK(client.talk("RNTO " + name) == "553");
  for (const std::string command : {"MKD", "RETR", "DELE", "RMD", "CWD", "RNFR", "SIZE", "MDTM", "MLST", "SITE CPFR",
                                    "SITE MKDIR", "SITE CHMOD 777", "MFMT 20200101000000", "LIST", "XCRC"}) {
    INFO(command);
    CHECK(client.talk(command + " " + name) == "550");
  }
  CHECK(client.talk("SITE SYMLINK file " + name) == "550");
  CHECK(client.talk("SITE SYMLINK " + name + " link") == "550");
  CHECK(client.talk("MKD d/.millrace-d/e") == "550");
  CHECK(client.talk("COMB " + name + " file") == "550");
  CHECK(client.talk("SITE CPFR file") == "350");
  CHECK(client.talk("SITE CPTO " + name) == "550");
  CHECK(site.file(name) == "hidden");
  CHECK(client.put("STOR x.millrace-", "others may be so") == "226");
}

TEST_CASE("what a crashed upload left goes when its directory is next written to", "[sim][uploads]") {
  for (const Publish publish : all_publishing) {
    Site site(publish);
    const std::string left = "/srv/d/.millrace-0123456789abcdef", fresh = "/srv/d/.millrace-1123456789abcdef",
                      used = "/srv/d/.millrace-2123456789abcdef", other = "/srv/d/.millrace-notes",
                      elsewhere = "/srv/e/.millrace-0123456789abcdef";
    for (const std::string& name : {left, fresh, used, other, elsewhere}) {
      site.files().make_file(name, "bytes");
      if (name != fresh) site.files().set_modified(name, site.world.timeline().wall_clock() - 3600 * io::second);
    }
    for (int i = 0; i < 3000; ++i) site.files().make_file(fmt::format("/srv/d/file {}", i), "");
    const open_how how{.flags = O_WRONLY, .mode = 0, .resolve = 0};
    auto running = site.files().open(nullptr, used.c_str(), how);
    REQUIRE(running);
    CHECK(site.files().lock(*running) == 0);
    Client client(site);
    CHECK(client.put("STOR d/new", "new") == "226");
    CHECK(site.world.run_until([&] { return !site.files().exists(left); }));
    site.world.run_for(io::second);
    for (const std::string& name : {fresh, used, other, elsewhere}) CHECK(site.files().exists(name));
    CHECK(client.talk("SITE CPFR d/new") == "350");
    CHECK(client.talk("SITE CPTO e/new") == "250");
    CHECK(site.world.run_until([&] { return !site.files().exists(elsewhere); }));
    site.world.run_for(70 * io::second);  // the young one is old by now
    CHECK(client.put("STOR d/new", "new") == "226");
    CHECK(site.world.run_until([&] { return !site.files().exists(fresh); }));
    CHECK(site.files().exists(used));
  }
}

TEST_CASE("a running upload keeps its temporary file from other processes", "[sim][uploads]") {
  Site site(Publish::atomic, [](core::Config& config) { config.data.stall_timeout_s = 3600; });
  site.files().space().no_tmpfile = true;
  site.files().make_directory("/srv/d");
  Client client(site);
  SimConnection data = client.begin("STOR d/x");
  data.write("bytes");
  site.world.run_for(100 * io::second);
  REQUIRE(site.files().names("/srv/d").size() == 1);
  const std::string name = "/srv/d/" + site.files().names("/srv/d").front();
  const open_how how{.flags = O_RDONLY, .mode = 0, .resolve = 0};
  auto looked = site.files().open(nullptr, name.c_str(), how);
  REQUIRE(looked);
  CHECK(site.files().lock(*looked) == -EBUSY);
  Client other(site);
  CHECK(other.talk("RMD d") == "550");
  CHECK(client.end(data) == "226");
  CHECK(site.file("d/x") == "bytes");
}

TEST_CASE("what a crashed upload left does not keep a directory", "[sim][uploads]") {
  Site site;
  const std::string left = "/srv/d/.millrace-0123456789abcdef";
  site.files().make_file(left, "bytes");
  site.files().set_modified(left, site.world.timeline().wall_clock() - 3600 * io::second);
  site.files().make_file("/srv/d/file", "file");
  Client client(site);
  CHECK(client.talk("RMD d") == "550");
  CHECK(client.talk("DELE d/file") == "250");
  CHECK(client.talk("RMD d") == "250");
  CHECK_FALSE(site.files().exists("/srv/d"));
}

// ---- Where a file system has little ----

TEST_CASE("uploads are unseen until whole on file systems that lack one call or another", "[sim][uploads]") {
  for (const Publish publish : {Publish::atomic, Publish::durable}) {
    for (const bool no_tmpfile : {false, true}) {
      for (const bool no_rename_flags : {false, true}) {
        INFO(no_tmpfile << no_rename_flags);
        Site site(publish);
        site.files().space().no_tmpfile = no_tmpfile;
        site.files().space().no_rename_flags = no_rename_flags;
        site.files().make_file("/srv/old", "old");
        Client client(site);
        for (const std::string name : {"new", "old"}) {
          SimConnection data = client.begin("STOR " + name);
          data.write("bytes");
          site.world.run_for(io::second);
          CHECK(site.file(name) == (name == "old" ? "old" : "(none)"));
          CHECK(client.end(data) == "226");
          CHECK(site.file(name) == "bytes");
        }
        SimConnection data = client.open_data();
        REQUIRE(client.talk("STOU").starts_with("1"));
        const std::string name = client.text().substr(client.text().find("FILE: ") + 6);
        data.write("bytes");
        CHECK(client.end(data) == "226");
        CHECK(site.file(name) == "bytes");
        CHECK(site.files().names("/srv").size() == 3);
      }
    }
  }
}

TEST_CASE("STOU replaces nothing that took its name meanwhile", "[sim][uploads]") {
  for (const bool nameless : {true, false}) {
    for (const bool no_rename_flags : {false, true}) {
      Site site(Publish::atomic);
      site.files().space().no_tmpfile = !nameless;
      site.files().space().no_rename_flags = no_rename_flags;
      Client client(site);
      SimConnection data = client.open_data();
      REQUIRE(client.talk("STOU").starts_with("1"));
      const std::string name = client.text().substr(client.text().find("FILE: ") + 6);
      data.write("bytes");
      site.files().make_file("/srv/" + name, "other");
      CHECK(client.end(data).starts_with("45"));
      CHECK(site.file(name) == "other");
      CHECK(site.files().names("/srv").size() == 1);
    }
  }
}

TEST_CASE("whichever operation of an upload fails, the target is old or new and nothing else stays", "[sim][uploads]") {
  for (const Publish publish : {Publish::atomic, Publish::durable}) {
    for (const bool nameless : {true, false}) {
      for (const std::string command : {"STOR new", "STOR old", "STOR link", "STOU x"}) {
        for (std::uint64_t n = 1; n < 60; ++n) {
          INFO(command << ", operation " << n);
          Site site(publish);
          prepare_disk(site);
          site.files().space().no_tmpfile = site.files().space().no_rename_flags = !nameless;
          site.files().set_owner("/srv/old", 1000, 100);
          const std::size_t names = site.files().names("/srv").size();
          Client client(site);
          SimConnection data = client.open_data();
          site.world.run_for(io::second);
          site.world.fault_plan().fail_operation(n, EIO);
          std::string code = client.talk(command);
          if (code.starts_with("1")) {
            data.write("new bytes");
            code = client.end(data);
          }
          const bool met = site.world.fault_plan().fault_met();
          site.world.fault_plan().fail_none();
          site.world.run_for(io::second);
          const std::string path = command == "STOR link" ? "d/target" : command.substr(5);
          const std::string old = path == "old" ? "old bytes" : path == "d/target" ? "target" : "(none)";
          if (command != "STOU x") CHECK((site.file(path) == old || site.file(path) == "new bytes"));
          if (code == "226" && command != "STOU x") CHECK(site.file(path) == "new bytes");
          CHECK(site.files().names("/srv").size() <= names + 1);
          if (code != "226" && path == "new" && site.file(path) == "(none)") {
            // Taking the temporary file away can fail as well, but only where that is what failed.
            CHECK(site.files().names("/srv").size() == names);
          }
          data.close();
          if (!met) break;
        }
      }
    }
  }
}
