// Replies as octets: their form on the control connection, and the table from errno to code.
#include "core/reply.hpp"

#include <cerrno>
#include <set>
#include <string>
#include <string_view>

#include "core/command.hpp"
#include "tests/catch.hpp"

namespace {

using namespace std::string_literals;
using core::Code;

std::string one_line(Code code, std::string_view text) {
  std::string out;
  core::append_reply(out, code, text);
  return out;
}

std::string inner_line(std::string_view text) {
  std::string out;
  core::continue_reply(out, text);
  return out;
}

constexpr int errno_max = 133;

}  // namespace

TEST_CASE("a reply is three digits, one space, text, CR LF", "[reply][RP-01]") {
  CHECK(one_line(Code::okay, "Command okay.") == "200 Command okay.\r\n");
  CHECK(one_line(Code::okay, "") == "200 \r\n");
  CHECK(one_line(Code::path_created, "\"/a b\" created.") == "257 \"/a b\" created.\r\n");
}

TEST_CASE("replies are appended to what is there", "[reply]") {
  std::string out;
  core::append_reply(out, Code::transfer_aborted, "a");
  core::append_reply(out, Code::closing_data, "b");
  CHECK(out == "426 a\r\n226 b\r\n");
}

TEST_CASE("a control character in a text shows as ?, so that none can be taken for the end", "[reply][RP-01][RP-03]") {
  for (char c = 0; c < ' '; ++c) {
    CHECK(one_line(Code::okay, std::string("a") + c + "b") == "200 a?b\r\n");
    CHECK(inner_line(std::string(1, c)) == " ?\r\n");
  }
  CHECK(one_line(Code::okay, "a\r\nb") == "200 a??b\r\n");
  CHECK(one_line(Code::okay, "a\x7f") == "200 a?\r\n");
  CHECK(one_line(Code::okay, "\xc2\x9b[31m") == "200 ??[31m\r\n");                // CSI of C1
  CHECK(one_line(Code::okay, "\xc2\xa0\xc3\x9b") == "200 \xc2\xa0\xc3\x9b\r\n");  // what only resembles C1
  CHECK(one_line(Code::okay, "It\x92s") == "200 It\x92s\r\n");                    // CP1252
}

TEST_CASE("an octet 255 in a text is doubled", "[reply][CC-22]") {
  CHECK(one_line(Code::okay, "a\xff z") == "200 a\xff\xff z\r\n");
  CHECK(inner_line("\xff") == " \xff\xff\r\n");
}

TEST_CASE("all other octets are sent as they are", "[reply][CC-28]") {
  for (int octet = ' '; octet < 255; ++octet) {
    if (octet == 127) continue;
    const std::string text(1, static_cast<char>(octet));
    CHECK(one_line(Code::okay, text) == "200 " + text + "\r\n");
  }
}

TEST_CASE("a reply of several lines opens with a hyphen and closes with a space", "[reply][RP-02]") {
  std::string out;
  core::begin_reply(out, Code::system_status, "Features:");
  core::continue_reply(out, "SIZE");
  core::end_reply(out, Code::system_status, "End");
  CHECK(out == "211-Features:\r\n SIZE\r\n211 End\r\n");
}

TEST_CASE("no inner line can be taken for the last", "[reply][RP-03]") {
  CHECK(inner_line("211 not the end") == " 211 not the end\r\n");
  CHECK(inner_line("a\r\n211 not the end") == " a??211 not the end\r\n");
  CHECK(inner_line("") == " \r\n");
}

TEST_CASE("errno values have the codes that clients look for", "[reply][RP-07]") {
  const auto [error, code, code_creates] = GENERATE(table<int, unsigned, unsigned>({
      {ENOENT, 550, 550},
      {ENOTDIR, 550, 550},
      {EACCES, 550, 553},
      {EPERM, 550, 553},
      {EROFS, 550, 553},
      {EEXIST, 550, 553},
      {EISDIR, 550, 553},
      {ENAMETOOLONG, 550, 553},
      {EXDEV, 550, 550},
      {ELOOP, 550, 550},
      {ERANGE, 554, 554},
      {EFBIG, 552, 552},
      {EIO, 451, 451},
      {EOVERFLOW, 552, 552},
      {ENOTBLK, 451, 451},
  }));
  CAPTURE(error);
  CHECK(number(core::refusal(error, false).code) == code);
  CHECK(number(core::refusal(error, true).code) == code_creates);
}

TEST_CASE("what may pass by itself is 4yz", "[reply][RP-08]") {
  for (const int error : {EBUSY, ETXTBSY, EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOSPC, EIO}) {
    CAPTURE(error);
    CHECK(number(core::refusal(error, false).code) / 100 == 4);
    CHECK(number(core::refusal(error, true).code) / 100 == 4);
  }
}

TEST_CASE("free space is 452, a quota or a limit 552", "[reply][DC-14]") {
  CHECK(core::refusal(ENOSPC, true).code == Code::insufficient_storage);
  CHECK(core::refusal(EDQUOT, true).code == Code::exceeded_allocation);
  CHECK(core::transfer_refusal(ENOSPC, true).code == Code::insufficient_storage);
  CHECK(core::transfer_refusal(EDQUOT, true).code == Code::exceeded_allocation);
  CHECK(core::transfer_refusal(EFBIG, true).code == Code::exceeded_allocation);
}

TEST_CASE("a broken data connection is 426, a broken disk 451, whatever the errno", "[reply][DC-13]") {
  for (int error = 0; error <= errno_max; ++error) {
    CAPTURE(error);
    CHECK(core::transfer_refusal(error, false).code == Code::transfer_aborted);
    const unsigned code = number(core::transfer_refusal(error, true).code);
    const bool page_type = error == EPROTONOSUPPORT && code == 551;
    CHECK((code == 451 || code == 452 || code == 552 || page_type));
  }
}

TEST_CASE("every refusal has a text of one line and a code that some command has", "[reply]") {
  std::set<unsigned> admitted;
  for (const core::CommandRow& row : core::command_table()) admitted.insert(row.codes.begin(), row.codes.end());
  for (int error = 0; error <= errno_max; ++error) {
    for (const bool creates : {false, true}) {
      CAPTURE(error, creates);
      const core::Refusal refusal = core::refusal(error, creates);
      CHECK(admitted.contains(number(refusal.code)));
      const std::string_view text = core::phrase_text(core::Language::en, refusal.text);
      CHECK_FALSE(text.empty());
      CHECK(text.find_first_of("\r\n\xff") == std::string_view::npos);
    }
  }
}
