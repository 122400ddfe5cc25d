// Path arithmetic: TVFS of RFC 3659 6, quoting of RFC 959 appendix II.
#include "core/path.hpp"

#include <string>

#include "core/limits.hpp"
#include "tests/catch.hpp"
#include "tests/sim/random.hpp"

namespace {

using namespace std::string_literals;
using core::resolve_path;

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("a path is resolved from the current directory or from the root", "[path]") {
  const auto [directory, argument, absolute] = GENERATE(table<std::string, std::string, std::string>({
      {"/", "a", "/a"},
      {"/a", "b", "/a/b"},
      {"/a", "b/c", "/a/b/c"},
      {"/a", "/b", "/b"},
      {"/a", "", "/a"},
      {"/a", "/", "/"},
      {"/a/b", "..", "/a"},
      {"/a/b", "../..", "/"},
      {"/a/b", "../../..", "/"},
      {"/", "..", "/"},
      {"/", "/../../etc/passwd", "/etc/passwd"},
      {"/a", ".", "/a"},
      {"/a", "./b/.", "/a/b"},
      {"/a", "b/../c", "/a/c"},
      {"/a", "//b///c//", "/b/c"},
      {"/a", "b/", "/a/b"},
      {"/a", "...", "/a/..."},
      {"/a", "..b", "/a/..b"},
      {"/a", " b ", "/a/ b "},
      {"/a", " ", "/a/ "},
      {"/a", "b\nc\r", "/a/b\nc\r"},
      {"/a", "\xc3\xa4\xff", "/a/\xc3\xa4\xff"},
  }));
  CAPTURE(directory, argument);
  CHECK(resolve_path(directory, argument) == absolute);
}

TEST_CASE("a NUL, a name or a path that is too long names nothing", "[path]") {
  using core::limits::name_max;
  using core::limits::path_max;
  CHECK_FALSE(resolve_path("/", "a\0b"s));
  CHECK(resolve_path("/", std::string(name_max, 'x')));
  CHECK_FALSE(resolve_path("/", std::string(name_max + 1, 'x')));
  CHECK_FALSE(resolve_path("/", std::string(name_max + 1, 'x') + "/.."));
  const std::string deep = repeated("/" + std::string(254, 'x'), 16);  // 4080 octets
  CHECK(resolve_path("/", deep) == deep);
  CHECK(resolve_path(deep, std::string(path_max - deep.size() - 1, 'y'))->size() == path_max);
  CHECK_FALSE(resolve_path(deep, std::string(path_max - deep.size(), 'y')));
  CHECK(resolve_path(deep, repeated("../", 1000)) == "/");
}

TEST_CASE("any argument leads to a path below the root without dots or empty names", "[path]") {
  sim::for_each_seed(500, [](std::uint64_t seed) {
    CAPTURE(seed);
    sim::Random random(seed);
    constexpr std::string_view likely = "..//ab ";
    std::string directory = "/", argument;
    for (int i = 0; i < 40; ++i) argument += likely[random.below(likely.size())];
    directory = *resolve_path(directory, argument.substr(0, 20));
    const std::string path = *resolve_path(directory, argument);
    CHECK(path.starts_with('/'));
    CHECK((path + "/").find("/../") == std::string::npos);
    CHECK((path + "/").find("/./") == std::string::npos);
    CHECK(path.find("//") == std::string::npos);
    CHECK(resolve_path("/elsewhere", path) == path);
  });
}

TEST_CASE("the parts of a path", "[path]") {
  CHECK(core::below_root("/") == ".");
  CHECK(core::below_root("/a/b") == "a/b");
  CHECK(core::parent_path("/") == "/");
  CHECK(core::parent_path("/a") == "/");
  CHECK(core::parent_path("/a/b") == "/a");
  CHECK(core::last_name("/").empty());
  CHECK(core::last_name("/a/b") == "b");
}

TEST_CASE("257 shows a path in quotes, quotes inside doubled", "[path]") {
  CHECK(core::quoted("/usr/dm") == "\"/usr/dm\"");
  CHECK(core::quoted("/foo\"bar") == "\"/foo\"\"bar\"");  // RFC 959 appendix II
  CHECK(core::quoted("/ a ") == "\"/ a \"");
  CHECK(core::quoted("") == "\"\"");
}
