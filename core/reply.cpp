// Replies on the control connection, and errno -> reply as one table. RFC 959 4.2.
#include "core/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

#include "core/control_characters.hpp"
#include "core/phrases.hpp"

namespace core {
namespace {

constexpr char iac = '\xff';

/// What stands in a reply's text may be a name that anybody made: it ends no line and steers no terminal.
void append_text(std::string& out, std::string_view text) {
  std::size_t at = out.size();
  append_printable(out, text);
  while ((at = out.find(iac, at)) != std::string::npos) {
    out.insert(at, 1, iac);
    at += 2;
  }
}

void append_line(std::string& out, Code code, char separator, std::string_view text) {
  fmt::format_to(std::back_inserter(out), "{}{}", number(code), separator);
  append_text(out, text);
  out += "\r\n";
}

struct Row {
  int error;
  Code code;          ///< for a command that names an existing object
  Code code_creates;  ///< for one that would make the name
  Phrase text;
};

// 4yz where the same command could succeed some hours later (RFC 1123 4.1.2.11), 5yz where it could
// not. A missing directory is 550 for STOR too, though section 5.4 lacks it: clients look for it.
constexpr std::array rows{
    Row{ENOENT, Code::unavailable, Code::unavailable, "No such file or directory."},
    Row{ENOTDIR, Code::unavailable, Code::unavailable, "Not a directory."},
    Row{EACCES, Code::unavailable, Code::name_not_allowed, "Permission denied."},
    Row{EPERM, Code::unavailable, Code::name_not_allowed, "Permission denied."},
    Row{EROFS, Code::unavailable, Code::name_not_allowed, "Read-only file system."},
    Row{EEXIST, Code::unavailable, Code::name_not_allowed, "The name exists already."},
    Row{EISDIR, Code::unavailable, Code::name_not_allowed, "It is a directory."},
    Row{ENOTEMPTY, Code::unavailable, Code::name_not_allowed, "The directory is not empty."},
    Row{EXDEV, Code::unavailable, Code::unavailable, "The path leads out of your root."},
    Row{ELOOP, Code::unavailable, Code::unavailable, "Too many symbolic links."},
    Row{ENAMETOOLONG, Code::unavailable, Code::name_not_allowed, "The name is too long."},
    Row{EINVAL, Code::unavailable, Code::name_not_allowed, "The name is not possible here."},
    Row{ENXIO, Code::unavailable, Code::name_not_allowed, "Not a regular file."},
    Row{ERANGE, Code::bad_restart, Code::bad_restart, "The restart point lies beyond the end of the file."},
    Row{EFBIG, Code::exceeded_allocation, Code::exceeded_allocation, "The file is too large."},
    Row{EOVERFLOW, Code::exceeded_allocation, Code::exceeded_allocation,
        "The stream becomes too much for its size; use MODE S."},
    Row{EDQUOT, Code::exceeded_allocation, Code::exceeded_allocation, "Quota exceeded."},
    Row{ENOSPC, Code::insufficient_storage, Code::insufficient_storage, "No space left."},
    Row{EBUSY, Code::file_busy, Code::file_busy, "The file is busy."},
    Row{ETXTBSY, Code::file_busy, Code::file_busy, "The file is busy."},
    Row{EAGAIN, Code::file_busy, Code::file_busy, "The file is busy."},
    Row{EMFILE, Code::file_busy, Code::file_busy, "The server has no descriptor free; try again."},
    Row{ENFILE, Code::file_busy, Code::file_busy, "The system has no descriptor free; try again."},
    Row{EUSERS, Code::file_busy, Code::file_busy, "Too much of this kind is going on; try again."},
    Row{ENOBUFS, Code::file_busy, Code::file_busy, "The server has no buffer free; try again."},
    Row{EPROTONOSUPPORT, Code::page_type_unknown, Code::page_type_unknown, "Page type unknown."},
    Row{EBADMSG, Code::local_error, Code::local_error, "The data are not in the form of this TYPE, STRU and MODE."},
    Row{EILSEQ, Code::local_error, Code::local_error, "The file cannot be told apart in this TYPE and STRU."},
    Row{EMEDIUMTYPE, Code::type_mismatch, Code::type_mismatch, "The file does not suit this TYPE and STRU."},
    Row{E2BIG, Code::local_error, Code::local_error, "There is too much below it."},
    Row{EIO, Code::local_error, Code::local_error, "Input or output error."},
};

const Row* find(int error) {
  const auto row = std::ranges::find(rows, error, &Row::error);
  return row == rows.end() ? nullptr : &*row;
}

}  // namespace

void append_reply(std::string& out, Code code, std::string_view text) { append_line(out, code, ' ', text); }

void begin_reply(std::string& out, Code code, std::string_view text) { append_line(out, code, '-', text); }

void continue_reply(std::string& out, std::string_view text) {
  out.push_back(' ');
  append_text(out, text);
  out += "\r\n";
}

Refusal refusal(int error, bool creates) {
  const Row* row = find(error);
  if (row == nullptr) return {Code::local_error, "Local error in processing."};
  return {creates ? row->code_creates : row->code, row->text};
}

Refusal transfer_refusal(int error, bool file_failed) {
  if (!file_failed) return {Code::transfer_aborted, "The data connection broke; transfer aborted."};
  const Row* row = find(error);
  if (row == nullptr) return {Code::local_error, "Local error in processing."};
  constexpr std::array told{Code::insufficient_storage, Code::exceeded_allocation, Code::page_type_unknown};
  return {std::ranges::find(told, row->code) != told.end() ? row->code : Code::local_error, row->text};
}

}  // namespace core
