// Lines of LIST, NLST and MLSx. RFC 959 4.1.3, RFC 1123 4.1.2.7, RFC 3659 2.3 and 7.
// The system's fnmatch and a calendar that counts days are the oracles.
#include "core/listing.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <cstdint>
#include <limits>
#include <string>

#include "core/path.hpp"
#include "tests/catch.hpp"
#include "tests/splits.hpp"

namespace {

using core::Entry;
using core::Fact;
using core::FactSet;
using core::Right;
using core::Rights;

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t day_s = 86'400;
constexpr std::int64_t now_s = 1'795'343'465;  // 2026-11-22 10:31:05 UTC

const Rights all_rights{Right::list,   Right::read,     Right::write, Right::remove,
                        Right::rename, Right::make_dir, Right::site};

Entry file_entry() {
  return {.kind = Entry::Kind::file,
          .mode = 0644,
          .links = 1,
          .owner = 0,
          .group = 0,
          .size = 1234,
          .modified = now_s * second_ns,
          .device = 0x803,
          .inode = 0x2a};
}

Entry entry_of(Entry::Kind kind) {
  Entry entry = file_entry();
  entry.kind = kind;
  return entry;
}

std::string list_line(const Entry& entry, std::int64_t now = now_s) {
  std::string line;
  core::append_list_line(line, entry, "name", now);
  return line;
}

FactSet facts(std::string_view list) {
  FactSet set;
  REQUIRE(core::parse_fact_list(list, set));
  return set;
}

std::string machine(const Entry& entry, const FactSet& set, Rights rights = all_rights, std::string_view as = "") {
  std::string line;
  core::append_machine_entry(line, entry, "name", set, rights, as);
  return line;
}

std::string name_line(std::string_view prefix, std::string_view name) {
  std::string line;
  core::append_name_line(line, prefix, name);
  return line;
}

}  // namespace

// ---- LIST ----

TEST_CASE("LIST lines look like ls -l", "[listing]") {
  CHECK(list_line(file_entry()) == "-rw-r--r--   1 0        0            1234 Nov 22 10:31 name\r\n");
  Entry big = entry_of(Entry::Kind::directory);
  big.mode = 0755;
  big.links = 4'000'000'000;
  big.owner = big.group = 4'294'967'295;
  big.size = std::numeric_limits<std::uint64_t>::max();
  CHECK(list_line(big) == "drwxr-xr-x 4000000000 4294967295 4294967295 18446744073709551615 Nov 22 10:31 name\r\n");
}

TEST_CASE("the mode shows kind, permissions and the special bits", "[listing]") {
  const auto [kind, mode, text] = GENERATE(table<Entry::Kind, std::uint32_t, std::string>({
      {Entry::Kind::file, 0, "----------"},
      {Entry::Kind::file, 0777, "-rwxrwxrwx"},
      {Entry::Kind::file, 0421, "-r---w---x"},
      {Entry::Kind::file, 07777, "-rwsrwsrwt"},
      {Entry::Kind::file, 07000, "---S--S--T"},
      {Entry::Kind::directory, 01777, "drwxrwxrwt"},
      {Entry::Kind::directory, 02755, "drwxr-sr-x"},
      {Entry::Kind::link, 0777, "lrwxrwxrwx"},
      {Entry::Kind::other, 0600, "srw-------"},
  }));
  Entry entry = entry_of(kind);
  entry.mode = mode;
  CHECK(list_line(entry).substr(0, 10) == text);
}

TEST_CASE("old and future times show the year", "[listing]") {
  const auto [age_s, text] = GENERATE(table<std::int64_t, std::string>({
      {0, "Nov 22 10:31"},
      {day_s, "Nov 21 10:31"},
      {17 * day_s, "Nov  5 10:31"},
      {182 * day_s, "May 24 10:31"},
      {183 * day_s, "May 23  2026"},
      {366 * day_s, "Nov 21  2025"},
      {-1, "Nov 22 10:31"},  // written just now, by a clock that runs a little ahead
      {-120, "Nov 22  2026"},
      {-400 * day_s, "Dec 27  2027"},
      {now_s, "Jan  1  1970"},
      {now_s + 1, "Dec 31  1969"},
  }));
  Entry entry = file_entry();
  entry.modified = (now_s - age_s) * second_ns;
  CHECK(list_line(entry).substr(42, 12) == text);
}

// ---- NLST ----

TEST_CASE("a name from NLST works in RETR as it stands", "[listing][SV-17]") {
  CHECK(name_line("", "x") == "x\r\n");
  CHECK(name_line("sub", "x") == "sub/x\r\n");
  CHECK(name_line("sub/", "x") == "sub/x\r\n");
  CHECK(name_line("/", "x") == "/x\r\n");
  const std::string current = "/home";
  for (const std::string argument : {"", "sub", "sub/", "/", "..", "a/../b", "/pub"}) {
    CAPTURE(argument);
    const std::string line = name_line(argument, "x");
    const auto listed = core::resolve_path(current, argument);
    CHECK(core::resolve_path(current, line.substr(0, line.size() - 2)) == core::resolve_path(*listed, "x"));
  }
}

TEST_CASE("which names can stand on a line", "[listing][PN-06]") {
  using enum core::ListFormat;
  for (const std::string name : {"a\nb", "a\rb", "a\r\nb"}) {
    CHECK(core::listable(list, name));
    CHECK_FALSE(core::listable(names, name));
    CHECK_FALSE(core::listable(machine, name));
  }
  for (const std::string name : {"a\tb", "a\x1b[2Jb", "a\x7f", "\xc2\x85"}) {
    CHECK(core::listable(list, name));
    CHECK_FALSE(core::listable(names, name));
    CHECK(core::listable(machine, name));
  }
  for (const std::string name : {"a b", "\xc3\xa4", "\xe4", "caf\xe9 It\x92s long enough"})
    for (const core::ListFormat format : {list, names, machine}) CHECK(core::listable(format, name));
}

TEST_CASE("a LIST line shows ? for each control character", "[listing][RP-03]") {
  std::string line;
  core::append_list_line(line, {}, "x\r\n212 End\x1b[2J", 0);
  CHECK(line.ends_with(" x??212 End?[2J\r\n"));
  CHECK(line.find_first_of("\r\n") == line.size() - 2);
}

TEST_CASE("LIST arguments: options, then a path", "[listing]") {
  const auto [argument, path, all, itself] = GENERATE(table<std::string, std::string, bool, bool>({
      {"", "", false, false},
      {"dir", "dir", false, false},
      {"-l", "", false, false},
      {"-a", "", true, false},
      {"-la", "", true, false},
      {"-A", "", true, false},
      {"-CF", "", false, false},
      {"-la dir", "dir", true, false},
      {"-l -a dir", "dir", true, false},
      {"-d dir", "dir", false, true},
      {"-la a b", "a b", true, false},
      {"-la  dir", " dir", true, false},
      {"-la dir ", "dir ", true, false},
      {" -la", " -la", false, false},
      {"-", "-", false, false},
      {"- x", "- x", false, false},
      {"-- -la", "-la", false, false},
      {"-a -- -la", "-la", true, false},
      {"--", "", false, false},
      {"--color dir", "dir", false, false},
      {"dir -la", "dir -la", false, false},
      {"-l ", "", false, false},
  }));
  CAPTURE(argument);
  const tests::Exact exact(argument);
  const core::ListRequest request = core::parse_list_argument(exact.view());
  CHECK(request.path == path);
  CHECK(request.all == all);
  CHECK(request.directory_itself == itself);
}

TEST_CASE("LIST arguments: letters for order and depth", "[listing]") {
  using core::ListOrder;
  const auto of = [](std::string_view argument) { return core::parse_list_argument(argument); };
  CHECK(of("-l").order == ListOrder::name);
  CHECK(of("-lt").order == ListOrder::time);
  CHECK(of("-t -S").order == ListOrder::size);
  CHECK(of("-U").order == ListOrder::none);
  CHECK(of("-latr").reverse);
  CHECK_FALSE(of("-R").reverse);
  CHECK(of("-R").recursive);
  CHECK(of("-1").names_alone);
  CHECK_FALSE(of("-1l").names_alone);
  CHECK(of("-xyz dir").path == "dir");
}

// ---- MLSx ----

TEST_CASE("facts are name=value; without a space, then one space and the name", "[listing][ML-06]") {
  const FactSet every = facts("TYPE;Size;modify;UNIQUE;perm;unix.MODE;UNIX.owner;UNIX.group;");
  CHECK(machine(file_entry(), every) ==
        "type=file;size=1234;modify=20261122103105;unique=803g2a;perm=adfrw;UNIX.mode=0644;UNIX.owner=0;UNIX.group=0; "
        "name");
}

TEST_CASE("facts that OPTS MLST did not name are not returned", "[listing][ML-16]") {
  CHECK(machine(file_entry(), facts("size;")) == "size=1234; name");
  CHECK(machine(file_entry(), facts("unique;type;modify;")) == "type=file;modify=20261122103105;unique=803g2a; name");
}

TEST_CASE("with no fact to show the space is still there", "[listing][ML-18]") {
  CHECK(machine(file_entry(), FactSet()) == " name");
  CHECK(machine(entry_of(Entry::Kind::directory), facts("size;")) == " name");
}

TEST_CASE("the type fact", "[listing][ML-10]") {
  const FactSet type = facts("type;");
  CHECK(machine(file_entry(), type) == "type=file; name");
  CHECK(machine(entry_of(Entry::Kind::directory), type) == "type=dir; name");
  CHECK(machine(entry_of(Entry::Kind::directory), type, all_rights, "cdir") == "type=cdir; name");
  CHECK(machine(entry_of(Entry::Kind::directory), type, all_rights, "pdir") == "type=pdir; name");
  CHECK(machine(entry_of(Entry::Kind::link), type) == "type=OS.unix=slink; name");  // one that leads nowhere
  CHECK(machine(entry_of(Entry::Kind::other), type) == "type=OS.unix=special; name");
}

TEST_CASE("the unique fact is equal for one object and differs between objects", "[listing][ML-11]") {
  const FactSet unique = facts("unique;");
  Entry other_name = file_entry();
  other_name.mode = 0600;
  CHECK(machine(file_entry(), unique) == machine(other_name, unique));
  Entry other_inode = file_entry(), other_device = file_entry(), shifted = file_entry();
  other_inode.inode = 0x2b;
  other_device.device = 0x804;
  shifted.device = 0x80;
  shifted.inode = 0x32a;
  for (const Entry& other : {other_inode, other_device, shifted}) {
    CHECK(machine(file_entry(), unique) != machine(other, unique));
  }
}

TEST_CASE("the perm fact matches what would work", "[listing][ML-12]") {
  const FactSet perm = facts("perm;");
  const auto [rights, on_file, on_directory, on_other] = GENERATE(table<Rights, std::string, std::string, std::string>({
      {Rights{}, "", "e", ""},
      {Rights{Right::read}, "r", "e", ""},
      {Rights{Right::list}, "", "el", ""},
      {Rights{Right::list, Right::read}, "r", "el", ""},
      {Rights{Right::write}, "aw", "ce", ""},
      {Rights{Right::remove}, "d", "ep", "d"},
      {Rights{Right::rename}, "f", "ef", "f"},
      {Rights{Right::make_dir}, "", "em", ""},
      {Rights{Right::site}, "", "e", ""},
      {all_rights, "adfrw", "ceflmp", "df"},
  }));
  CHECK(machine(file_entry(), perm, rights) == "perm=" + on_file + "; name");
  CHECK(machine(entry_of(Entry::Kind::directory), perm, rights) == "perm=" + on_directory + "; name");
  CHECK(machine(entry_of(Entry::Kind::directory), perm, rights, "cdir") == "perm=" + on_directory + "; name");
  CHECK(machine(entry_of(Entry::Kind::link), perm, rights) == "perm=" + on_other + "; name");
  CHECK(machine(entry_of(Entry::Kind::other), perm, rights) == "perm=" + on_other + "; name");
}

TEST_CASE("perm d is not promised of a directory, which may hold something", "[listing][ML-13]") {
  const std::string line = machine(entry_of(Entry::Kind::directory), facts("perm;"), all_rights);
  CHECK(line.substr(0, line.find(';')).find('d') == std::string::npos);
}

TEST_CASE("only files have a size", "[listing]") {
  for (const auto kind : {Entry::Kind::directory, Entry::Kind::link, Entry::Kind::other}) {
    CHECK(machine(entry_of(kind), facts("size;")) == " name");
  }
}

// ---- times ----

TEST_CASE("time values are UTC and have no fraction", "[listing]") {
  CHECK(core::time_value(0) == "19700101000000");
  CHECK(core::time_value(now_s * second_ns) == "20261122103105");
  CHECK(core::time_value(now_s * second_ns + 999'999'999) == "20261122103105");
  CHECK(core::time_value(-1) == "19691231235959");
  CHECK(core::time_value(951'782'400 * second_ns) == "20000229000000");
  CHECK(core::time_value({-11'676'096'000, 0}) == "16000101000000");
  CHECK(core::time_value({16'725'225'600, 0}) == "25000101000000");
  CHECK(core::time_value({std::numeric_limits<std::int64_t>::min(), 0}) == "00000101000000");
  CHECK(core::time_value({std::numeric_limits<std::int64_t>::max(), 0}) == "99991231235959");
}

TEST_CASE("every day has its date in the modify fact", "[listing][ML-14]") {
  int year = 1678, month = 1, day = 1;
  const auto days_in_month = [&] {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 ? (leap ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
  };
  const FactSet modify = facts("modify;");
  Entry entry = file_entry();
  for (std::int64_t at = -106'650; year < 2262; ++at) {  // days from 1970-01-01 to 1678-01-01
    entry.modified = (at * day_s + 3661) * second_ns;
    REQUIRE(machine(entry, modify) == fmt::format("modify={:04}{:02}{:02}010101; name", year, month, day));
    if (++day <= days_in_month()) continue;
    day = 1;
    if (++month <= 12) continue;
    month = 1;
    ++year;
  }
}

// ---- wildcards ----

TEST_CASE("what is a wildcard", "[listing]") {
  CHECK(core::has_wildcard("*.txt"));
  CHECK(core::has_wildcard("a?"));
  CHECK(core::has_wildcard("[ab]"));
  CHECK_FALSE(core::has_wildcard("plain]\\name"));
}

TEST_CASE("names are matched as a shell matches them", "[listing]") {
  const auto [pattern, name, matches] = GENERATE(table<std::string, std::string, bool>({
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "anything", true},
      {"*.txt", "a.txt", true},
      {"*.txt", "a.txt.gz", false},
      {"a*b*c", "aXbYc", true},
      {"a*b*c", "acb", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[!a-c]x", "dx", true},
      {"[^a-c]x", "ax", false},
      {"[]a]", "]", true},
      {"[!]a]", "b", true},
      {"[!]a]", "]", false},
      {"[a-]", "-", true},
      {"[", "[", true},
      {"[a", "[a", true},
      {"a[", "a", false},
      {"*", ".hidden", false},
      {"?hidden", ".hidden", false},
      {"[.]hidden", ".hidden", false},
      {".*", ".hidden", true},
      {"*", "a.b", true},
      {"A", "a", false},
      {"?.txt", "\xc3\xa4.txt", true},
      {"[\xc3\xa4\xc3\xb6]", "\xc3\xb6", true},
      {"[\xc3\xa4\xc3\xb6]", "\xc3\xbc", false},
      {"?", "\xff", true},
      {"?\xa4", "\xff\xa4", true},
      {"A", "\xe0\x81\x81", false},  // an overlong form is no letter
      {"?", "\xe2\x82", false},      // half a character is two octets
      {"??", "\xe2\x82", true},
  }));
  CAPTURE(pattern, name);
  CHECK(core::glob_match(tests::Exact(pattern).view(), tests::Exact(name).view()) == matches);
}

TEST_CASE("any pattern matches as fnmatch says", "[listing]") {
  sim::for_each_seed(300, [](std::uint64_t seed) {
    CAPTURE(seed);
    sim::Random random(seed);
    const auto word = [&](std::string_view alphabet, std::uint64_t most) {
      std::string text;
      for (std::uint64_t i = random.below(most + 1); i > 0; --i) text += alphabet[random.below(alphabet.size())];
      return text;
    };
    for (int i = 0; i < 200; ++i) {
      const std::string pattern = word("aabbc-!**??[[]]", 10);
      const std::string name = word("aabbc-![].", 8);
      if (std::ranges::count(pattern, '*') > 8) continue;
      CAPTURE(pattern, name);
      const bool expected = fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE | FNM_PERIOD) == 0;
      CHECK(core::glob_match(tests::Exact(pattern).view(), tests::Exact(name).view()) == expected);
    }
  });
}

TEST_CASE("no pattern costs more than it is worth", "[listing]") {
  const std::string name(255, 'a');
  std::string pattern;
  for (int i = 0; i < 8; ++i) pattern += "*a";
  CHECK(core::glob_match(pattern, name));
  CHECK_FALSE(core::glob_match(pattern + "b", name));  // would take 255 to the eighth power of tries
  CHECK_FALSE(core::glob_match(pattern + "*", name));  // a star too many
  CHECK_FALSE(core::glob_match("*" + std::string(255, 'a'), name));
}
