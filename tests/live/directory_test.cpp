// Listings: LIST, NLST, MLSD and MLST, and STAT with a path.
// RFC 959 4.1.3; 1123 4.1.2.7; 3659 7.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;

namespace {

std::vector<string> lines_of(const string& text) {
  std::vector<string> lines;
  for (std::size_t at = 0, end = 0; (end = text.find("\r\n", at)) != string::npos; at = end + 2)
    lines.push_back(text.substr(at, end - at));
  CHECK((text.empty() || text.ends_with("\r\n")));
  return lines;
}

std::set<string> names_of(const string& text) {
  const auto lines = lines_of(text);
  return {lines.begin(), lines.end()};
}

// The last words of LIST's lines.
std::set<string> listed(const string& text) {
  std::set<string> names;
  for (const string& line : lines_of(text)) names.insert(line.substr(line.rfind(' ') + 1));
  return names;
}

struct Facts {
  std::map<string, string> values;
  string name;
};

Facts parse_facts(const string& line) {
  Facts facts;
  const std::size_t space = line.find(' ');
  REQUIRE(space != string::npos);
  facts.name = line.substr(space + 1);
  for (std::size_t at = 0; at < space;) {
    const std::size_t equals = line.find('=', at), end = line.find(';', equals);
    REQUIRE(end < space);
    string name = line.substr(at, equals - at);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    facts.values[name] = line.substr(equals + 1, end - equals - 1);
    at = end + 1;
  }
  return facts;
}

std::map<string, Facts> machine_listing(const string& text) {
  std::map<string, Facts> all;
  for (const string& line : lines_of(text)) {
    const Facts facts = parse_facts(line);
    all[facts.name] = facts;
  }
  return all;
}

// file, .hidden, sub/x, sub/y, empty/
void make_tree(const std::filesystem::path& root) {
  std::filesystem::create_directory(root / "sub");
  std::filesystem::create_directory(root / "empty");
  for (const char* name : {"file", ".hidden", "sub/x", "sub/y"}) write_file(root / name, "octets\n");
}

}  // namespace

TEST_CASE("LIST and NLST of directories and files", "[live][SV-14][SV-15][SV-16]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  FtpClient client = logged_in(server);
  CHECK(names_of(client.fetch("NLST")) == std::set<string>{"file", "sub", "empty"});
  CHECK(listed(client.fetch("LIST")) == std::set<string>{"file", "sub", "empty"});
  CHECK(listed(client.fetch("LIST sub")) == std::set<string>{"x", "y"});
  CHECK(listed(client.fetch("LIST file")) == std::set<string>{"file"});
  CHECK(client.fetch("NLST file") == "file\r\n");
  CHECK(client.fetch("NLST empty").empty());
  CHECK(client.fetch("LIST empty").empty());
  const string line = client.fetch("LIST file");
  CHECK(line.starts_with("-rw-"));
  CHECK(line.find(" 7 ") != string::npos);
  client.ask("CWD sub", 250);
  CHECK(names_of(client.fetch("NLST")) == std::set<string>{"x", "y"});
  CHECK(client.ask("STAT", 211).contains("TYPE: I"));  // unchanged
}

TEST_CASE("options are options", "[live][SV-14]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  FtpClient client = logged_in(server);
  const std::set<string> all = {"file", "sub", "empty", ".hidden"};
  for (const char* command : {"LIST -a", "LIST -la", "LIST -al .", "LIST -l -a"})
    CHECK(listed(client.fetch(command)) == all);
  CHECK(names_of(client.fetch("NLST -a")) == all);
  CHECK(names_of(client.fetch("NLST -CF")) == std::set<string>{"file", "sub", "empty"});
  CHECK(listed(client.fetch("LIST -l sub")) == std::set<string>{"x", "y"});
  CHECK(lines_of(client.fetch("LIST -d sub")).size() == 1);
  write_file(server.root() / "-l", "x");
  CHECK(client.fetch("NLST -- -l") == "-l\r\n");
  CHECK(client.fetch("NLST ./-l") == "./-l\r\n");
}

TEST_CASE("options for order and depth", "[live][SV-14]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  write_file(server.root() / "longer", "longer than the others");
  FtpClient client = logged_in(server);
  CHECK(client.fetch("NLST") == "empty\r\nfile\r\nlonger\r\nsub\r\n");
  CHECK(client.fetch("NLST -r") == "sub\r\nlonger\r\nfile\r\nempty\r\n");
  CHECK(lines_of(client.fetch("LIST -1S sub")).size() == 2);
  const string tree = client.fetch("LIST -R");
  CHECK(tree.starts_with(".:\r\n"));
  CHECK(tree.find("\r\n\r\n./sub:\r\n") != string::npos);
  CHECK(names_of(client.fetch("NLST -R")) == std::set<string>{"file", "sub", "empty", "longer", "sub/x", "sub/y"});
  for (const char* name : {"sub/x", "sub/y"}) CHECK(client.retrieve(name) == "octets\n");
}

TEST_CASE("a tree in one listing for machines", "[live]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  FtpClient client = logged_in(server);
  const auto entries = machine_listing(client.fetch("MLSR"));
  CHECK(entries.contains("sub/x"));
  CHECK(entries.contains("sub/y"));
  CHECK(entries.contains("empty"));
  client.ask("OPTS MLST type;", 200);
  CHECK(machine_listing(client.fetch("MLSR sub")).contains("x"));
  client.ask("MLSR file", 501);
}

TEST_CASE("wildcards", "[live][SV-17]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  for (const char* name : {"a1.txt", "a2.txt", "b1.txt", ".dot.txt"}) write_file(server.root() / name, name);
  FtpClient client = logged_in(server);
  CHECK(names_of(client.fetch("NLST *.txt")) == std::set<string>{"a1.txt", "a2.txt", "b1.txt"});
  CHECK(names_of(client.fetch("NLST a?.txt")) == std::set<string>{"a1.txt", "a2.txt"});
  CHECK(names_of(client.fetch("NLST [!a]1.*")) == std::set<string>{"b1.txt"});
  CHECK(names_of(client.fetch("NLST .*.txt")) == std::set<string>{".dot.txt"});
  CHECK(listed(client.fetch("LIST a*")) == std::set<string>{"a1.txt", "a2.txt"});
  CHECK(client.fetch("NLST nothing*").empty());
  CHECK(names_of(client.fetch("NLST sub/*")) == std::set<string>{"sub/x", "sub/y"});
  CHECK(names_of(client.fetch("NLST /sub/*")) == std::set<string>{"/sub/x", "/sub/y"});
}

TEST_CASE("each name of NLST works in RETR as it stands", "[live][SV-17]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  FtpClient client = logged_in(server);
  const string argument = GENERATE("sub", "sub/", "/sub", "./sub", "sub/*", "../sub");
  const auto names = lines_of(client.fetch("NLST " + argument));
  CHECK(names.size() == 2);
  for (const string& name : names) CHECK(client.retrieve(name) == "octets\n");
}

TEST_CASE("MLSD and its facts", "[live][ML-02][ML-04][ML-05][ML-06][ML-07][ML-08][ML-09][ML-11][ML-14][ML-15]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  std::filesystem::create_hard_link(server.root() / "file", server.root() / "same");
  FtpClient client = logged_in(server);
  client.ask("TYPE A", 200);
  auto entries = machine_listing(client.fetch("MLSD"));
  CHECK(entries.at("file").values.at("type") == "file");
  CHECK(entries.at("file").values.at("size") == "7");
  CHECK(entries.at("file").values.at("modify") == client.ask("MDTM file", 213).lines.front());
  CHECK(entries.at("file").values.contains("perm"));
  CHECK(entries.at("sub").values.at("type") == "dir");
  CHECK(entries.at("same").values.at("unique") == entries.at("file").values.at("unique"));
  CHECK(entries.at("sub").values.at("unique") != entries.at("file").values.at("unique"));
  CHECK(entries.at(".").values.at("type") == "cdir");
  CHECK(client.ask("STAT", 211).contains("TYPE: A"));

  entries = machine_listing(client.fetch("MLSD sub"));
  CHECK((entries.contains("x") && entries.contains("y")));
  client.ask("OPTS MLST size;", 200);
  entries = machine_listing(client.fetch("MLSD sub"));
  CHECK(entries.size() == 2);  // no cdir without the type fact
  CHECK(entries.at("x").values == std::map<string, string>{{"size", "7"}});
}

TEST_CASE("MLSD of what is no directory", "[live][ML-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  FtpClient client = logged_in(server);
  Listener listener("127.0.0.1");
  client.aim_at(listener);
  client.ask("MLSD file", 501);
  client.ask("MLSD missing", 550);
  client.ask("MLST missing", 550);
  CHECK(listener.nobody_comes_for(50ms));
}

TEST_CASE("MLST over the control connection", "[live][ML-01][ML-02][ML-07][ML-16][ML-17][ML-18]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  FtpClient client = logged_in(server);
  Reply reply = client.ask("MLST file", 250);
  REQUIRE(reply.lines.size() == 3);
  CHECK((reply.lines[1][0] == ' ' && reply.lines[1][1] != ' '));
  const Facts facts = parse_facts(reply.lines[1].substr(1));
  CHECK(facts.name == "/file");
  CHECK(facts.values.at("size") == "7");
  CHECK(client.ask("MLST", 250).contains("type=dir;"));
  client.ask("CWD sub", 250);
  CHECK(client.ask("MLST", 250).contains(" /sub\n"));
  client.ask("OPTS MLST type;foo;", 200);
  CHECK(client.ask("MLST x", 250).lines[1] == " type=file; /sub/x");
  client.ask("OPTS MLST size", 501);
  CHECK(client.ask("MLST x", 250).lines[1] == " type=file; /sub/x");
  client.ask("OPTS MLST", 200);
  CHECK(client.ask("MLST x", 250).lines[1] == "  /sub/x");
  CHECK(names_of(client.fetch("MLSD")) == std::set<string>{" x", " y"});
}

TEST_CASE("the perm fact says what works", "[live][ML-12][ML-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"),
                           .users = {User{}, {.name = "reader", .allow = R"(["list", "read"])"}}});
  make_tree(server.root());
  FtpClient client = logged_in(server);
  auto entries = machine_listing(client.fetch("MLSD"));
  CHECK(entries.at("file").values.at("perm") == "adfrw");
  CHECK(entries.at("sub").values.at("perm") == "ceflmp");
  FtpClient reader(server);
  reader.log_in("reader");
  entries = machine_listing(reader.fetch("MLSD"));
  CHECK(entries.at("file").values.at("perm") == "r");
  CHECK(entries.at("sub").values.at("perm") == "el");
}

TEST_CASE("STAT with a path", "[live][SV-22]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  make_tree(server.root());
  FtpClient client = logged_in(server);
  Listener listener("127.0.0.1");
  client.aim_at(listener);
  const Reply directory = client.ask("STAT sub", 212);
  CHECK(directory.lines.size() == 4);
  CHECK((directory.contains(" x\n") && directory.contains(" y\n")));
  CHECK(client.ask("STAT file", 213).contains("file"));
  CHECK(client.ask("STAT -la .", 212).contains(".hidden"));
  client.ask("STAT missing", 550);
  CHECK(listener.nobody_comes_for(50ms));
}

TEST_CASE("a large directory, whole", "[live][SV-14][SV-16][SV-22][ML-04]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  std::set<string> names;
  for (int i = 0; i < 5000; ++i) {
    names.insert("entry." + std::to_string(i));
    write_file(server.root() / ("entry." + std::to_string(i)), "");
  }
  FtpClient client = logged_in(server);
  CHECK(names_of(client.fetch("NLST")) == names);
  CHECK(listed(client.fetch("LIST")) == names);
  CHECK(machine_listing(client.fetch("MLSD")).size() == names.size() + 1);
  // STAT, read in small pieces and late; others are served meanwhile.
  FtpClient other = logged_in(server);
  client.send("STAT /");
  other.ask("NOOP", 200);
  CHECK_FALSE(client.control().silent_for(patience));
  other.ask("NOOP", 200);
  string text;
  while (text.find("\r\n212 ") == string::npos) text += client.control().receive(700);
  std::set<string> told;
  for (const string& line : lines_of(text))
    if (line.starts_with(' ')) told.insert(line.substr(line.rfind(' ') + 1));
  CHECK(told == names);
  client.ask("NOOP", 200);
}

// LIST and MLSD of a whole directory may come from what was kept; with a pattern, or of a tree, they are always made
// anew.
TEST_CASE("a listing that is asked for again is never stale", "[live][SV-14][ML-04]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const auto at = server.root() / "listed", beside = server.root() / "beside";
  for (const auto& directory : {at, at / "below", beside}) std::filesystem::create_directories(directory);
  for (int i = 0; i < 20; ++i) write_file(at / std::to_string(i), "content");
  write_file(beside / "target", "x");
  std::filesystem::create_hard_link(beside / "target", at / "linked");
  std::filesystem::create_symlink("../beside/target", at / "symbolic");
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  int made = 0;
  const auto name = [&] { return at / std::to_string(random() % 20); };
  const std::vector<std::function<void()>> changes{
      [&] { write_file(name(), string(random() % 1000, 'x')); },
      [&] { std::filesystem::resize_file(at / "5", random() % 100); },
      [&] { ::chmod((at / "5").c_str(), 0600 + random() % 64); },
      [&] { std::filesystem::last_write_time(at / "5", std::filesystem::file_time_type(1s * (random() % 1'000'000))); },
      [&] { write_file(at / ("new" + std::to_string(++made)), ""); },
      [&] { std::filesystem::rename(at / "6", at / "moved"), std::filesystem::rename(at / "moved", at / "6"); },
      [&] { std::filesystem::rename(at / "7", beside / "7"), write_file(at / "7", "another"); },
      [&] { std::filesystem::remove(at / "8"), write_file(at / "8", "anew"); },
      [&] { write_file(beside / "target", string(random() % 1000, 'y')); },  // the link's, in both ways
      [&] { write_file(at / "below" / std::to_string(++made), ""); },
      [&] { ::chmod((at / "below").c_str(), 0700 + random() % 64); },
      [&] { ::chmod(at.c_str(), 0700 + random() % 64); },
      [&] {},
  };
  FtpClient client = logged_in(server), other = logged_in(server);
  client.ask("OPTS MLST type;size;modify;UNIX.mode;", 200);
  client.ask("CWD listed", 250);
  other.ask("CWD listed", 250);
  for (int step = 0; step < 200; ++step) {
    const std::size_t change = random() % (changes.size() + 1);
    INFO("step " << step << ", change " << change);
    if (change == changes.size()) {
      other.store("9", string(random() % 1000, 'z'));  // by the server itself
    } else {
      changes[change]();
    }
    CHECK(client.fetch("LIST") == client.fetch("LIST *"));
    CHECK(client.fetch("MLSR").starts_with(client.fetch("MLSD")));
    CHECK(lines_of(client.fetch("NLST")).size() == lines_of(client.fetch("LIST")).size());
  }
}
