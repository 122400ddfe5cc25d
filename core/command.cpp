// The rows. To add a command: a row here, a handler in one of the pi_*.cpp files, tests.
#include "core/command.hpp"

#include <algorithm>
#include <array>

#include "core/pi.hpp"
#include "core/text.hpp"

namespace core {
namespace {

// The codes of one line of section 5.4. Every row also admits 421 and the 500 and 501 of the parser.
template <std::uint16_t... code>
inline constexpr std::array<std::uint16_t, sizeof...(code) + 3> codes{code..., 421, 500, 501};

// 450, 451 and 452 stand where RFC 1123 4.1.2.11 wants a 4yz and the table of 1985 has none.
constexpr const auto& file_codes = codes<250, 450, 451, 452, 502, 530, 550>;
// 521, 522: RFC 4217 10.2.
constexpr const auto& retr_codes = codes<125, 150, 110, 226, 250, 425, 426, 450, 451, 521, 522, 530, 550, 554, 555>;
// 550: clients look for it when the directory is missing.
constexpr const auto& stor_codes =
    codes<125, 150, 110, 226, 250, 425, 426, 450, 451, 452, 521, 522, 530, 532, 550, 551, 552, 553, 554, 555>;
constexpr const auto& appe_codes =
    codes<125, 150, 110, 226, 250, 425, 426, 450, 451, 452, 502, 521, 522, 530, 532, 550, 551, 552, 553, 554, 555>;
// 550: a missing directory. 501: MLSD of a file (RFC 3659 7.2.1).
constexpr const auto& list_codes = codes<125, 150, 226, 250, 425, 426, 450, 451, 502, 521, 522, 530, 550>;
// 426: ended by ABOR.
constexpr const auto& tree_codes = codes<250, 426, 450, 451, 452, 502, 530, 550>;
constexpr const auto& measure_codes = codes<213, 426, 450, 451, 530, 550>;
constexpr const auto& combine_codes = codes<250, 426, 450, 451, 452, 530, 532, 550, 552, 553>;
constexpr const auto& facts_codes = codes<213, 450, 451, 452, 504, 530, 550, 552>;
constexpr const auto& look_codes = codes<213, 450, 451, 530, 550, 552>;
// What the older digest commands answer: draft-bryan-ftpext-hash-02 appendix B. 451: ABOR.
constexpr const auto& checksum_codes = codes<250, 450, 451, 530, 550>;
constexpr const auto& site_codes = codes<200, 450, 451, 452, 530, 550, 552>;

template <Right... right>
inline constexpr std::array<Right, sizeof...(right)> rights{right...};

}  // namespace

// A struct of its own, a friend of Pi, so that the handlers may stay private.
struct CommandTable {
  static constexpr When anywhere = When::anywhere, logged_in = When::logged_in;
  static constexpr Argument none = Argument::none, optional = Argument::optional, required = Argument::required;
  static constexpr During waits = During::waits, acts = During::acts;
  static constexpr Diagram simple = Diagram::simple, transfer = Diagram::transfer, sequence = Diagram::sequence,
                           login = Diagram::login;

  static constexpr std::string_view checksum_syntax = "<pathname> | \"<pathname>\" [[<begin>] <end>]";

  static consteval auto make_site() {
    // clang-format off
    return std::to_array<CommandRow>({
      {"HELP", logged_in, optional, waits, simple, codes<214, 530>, &Pi::on_site_help, {}, false, "[<subcommand>]", ""},
      {"CHMOD", logged_in, required, waits, simple, site_codes, &Pi::on_site_chmod, Right::site, false, "<octal mode> <pathname>", "SITE CHMOD", 0, rights<Right::write>},
      // CPTO follows CPFR as RNTO follows RNFR, and 350 is what clients of other servers' CPFR wait for.
      {"CPFR", logged_in, required, waits, sequence, codes<350, 450, 451, 530, 550>, &Pi::on_site_cpfr, Right::site, false, "<pathname>", "SITE COPY", 0, rights<Right::read>},
      {"CPTO", logged_in, required, waits, simple, codes<250, 426, 450, 451, 452, 503, 530, 532, 550, 552, 553>, &Pi::on_site_cpto, Right::site, false, "<pathname>", "", 0, rights<Right::read, Right::write>, true},
      {"IDLE", logged_in, optional, waits, simple, codes<200, 530, 550>, &Pi::on_site_idle, Right::site, false, "[<seconds>]", ""},
      {"KICK", logged_in, required, waits, simple, codes<200, 504, 530, 550>, &Pi::on_site_kick, Right::admin, false, "<session>", ""},
      {"MKDIR", logged_in, required, waits, simple, codes<250, 426, 450, 451, 452, 530, 550, 552, 553>, &Pi::on_site_mkdir, Right::site, false, "[-p] <pathname>", "SITE MKDIR", 0, rights<Right::make_dir>, true},
      {"SYMLINK", logged_in, required, waits, simple, codes<200, 450, 451, 452, 530, 550, 552, 553>, &Pi::on_site_symlink, Right::site, false, "<target> <name>", "SITE SYMLINK", 0, rights<Right::write>},
      {"UMASK", logged_in, optional, waits, simple, codes<200, 530, 550>, &Pi::on_site_umask, Right::site, false, "[<octal mask>]", ""},
      {"UTIME", logged_in, required, waits, simple, site_codes, &Pi::on_site_utime, Right::site, false, "<time> <pathname> | <pathname> <accessed> <modified> <created> UTC", "SITE UTIME", 0, rights<Right::write>},
      {"WHO", logged_in, none, waits, simple, codes<200, 530, 550>, &Pi::on_site_who, Right::admin, false, "", ""},
    });
    // clang-format on
  }

  static consteval auto make() {  // NOLINT(readability-function-size): a table
    constexpr auto unimplemented = [](std::string_view verb, std::span<const std::uint16_t> reply = codes<502>) {
      return CommandRow{verb, anywhere, optional, waits, simple, reply, &Pi::on_unimplemented, {}, false, "", "", 0};
    };
    // clang-format off
    return std::to_array<CommandRow>({
      // RFC 959 4.1.1: access control. 232, 534: RFC 2228 5.
      {"USER", anywhere, required, waits, login, codes<230, 232, 331, 332, 451, 530, 534>, &Pi::on_user, {}, false, "<user-name>", ""},
      {"PASS", anywhere, optional, waits, login, codes<230, 202, 332, 451, 503, 530, 534>, &Pi::on_pass, {}, false, "<password>", ""},
      {"ACCT", anywhere, required, waits, simple, codes<230, 202, 451, 503, 530, 534>, &Pi::on_acct, {}, false, "<account>", ""},
      {"CWD", logged_in, required, waits, simple, file_codes, &Pi::on_cwd, {}, false, "<pathname>", ""},
      {"CDUP", logged_in, none, waits, simple, file_codes, &Pi::on_cdup, {}, false, "", ""},
      {"SMNT", logged_in, required, waits, simple, codes<202, 250, 502, 530, 550>, &Pi::on_smnt, {}, false, "<name> | /", ""},
      {"REIN", anywhere, none, waits, transfer, codes<120, 220, 502>, &Pi::on_rein, {}, false, "", ""},
      {"QUIT", anywhere, none, acts, simple, codes<221>, &Pi::on_quit, {}, false, "", ""},

      // 4.1.2: transfer parameters. 504: a port that RFC 2577 3 wants refused.
      {"PORT", logged_in, required, waits, simple, codes<200, 504, 530>, &Pi::on_port, {}, false, "<h1,h2,h3,h4,p1,p2>", ""},
      // 425: no passive port is free; the table of 1985 has no 4yz but 421 here, which would close.
      {"PASV", logged_in, none, waits, simple, codes<227, 425, 502, 530>, &Pi::on_pasv, {}, false, "", ""},
      {"TYPE", logged_in, required, waits, simple, codes<200, 504, 530>, &Pi::on_type, {}, false, "A [N|T|C] | E [N|T|C] | I | L <bits>", ""},
      {"STRU", logged_in, required, waits, simple, codes<200, 504, 530>, &Pi::on_stru, {}, false, "F | R | P", ""},
      {"MODE", logged_in, required, waits, simple, codes<200, 504, 530>, &Pi::on_mode, {}, false, "S | B | C | Z", ""},

      // 4.1.3: service.
      {"RETR", logged_in, required, waits, transfer, retr_codes, &Pi::on_retr, Right::read, false, "<pathname>", ""},
      {"STOR", logged_in, required, waits, transfer, stor_codes, &Pi::on_stor, Right::write, true, "<pathname>", ""},
      {"STOU", logged_in, optional, waits, transfer, stor_codes, &Pi::on_stou, Right::write, true, "[<pathname>]", ""},
      {"APPE", logged_in, required, waits, transfer, appe_codes, &Pi::on_appe, Right::write, true, "<pathname>", ""},
      {"ALLO", logged_in, required, waits, simple, codes<200, 202, 504, 530>, &Pi::on_allo, {}, false, "<octets> [R <octets>]", ""},
      {"REST", logged_in, required, waits, sequence, codes<350, 502, 530>, &Pi::on_rest, {}, false, "<octets> | <marker>", "REST STREAM"},
      {"RNFR", logged_in, required, waits, sequence, codes<350, 450, 451, 502, 530, 550>, &Pi::on_rnfr, Right::rename, false, "<pathname>", ""},
      {"RNTO", logged_in, required, waits, simple, codes<250, 426, 450, 451, 452, 502, 503, 530, 532, 552, 553>, &Pi::on_rnto, Right::rename, true, "<pathname>", "", 0, {}, true},
      {"ABOR", anywhere, none, acts, simple, codes<225, 226, 502>, &Pi::on_abor, {}, false, "", ""},
      {"DELE", logged_in, required, waits, simple, file_codes, &Pi::on_dele, Right::remove, false, "<pathname>", ""},
      {"RMD", logged_in, required, waits, simple, file_codes, &Pi::on_rmd, Right::remove, false, "<pathname>", ""},
      // 553: as for STOR, where a new name is not allowed.
      {"MKD", logged_in, required, waits, simple, codes<257, 450, 451, 452, 502, 530, 550, 552, 553>, &Pi::on_mkd, Right::make_dir, false, "<pathname>", ""},
      {"PWD", logged_in, none, waits, simple, codes<257, 502, 530, 550>, &Pi::on_pwd, {}, false, "", ""},
      {"LIST", logged_in, optional, waits, transfer, list_codes, &Pi::on_list, Right::list, false, "[-aAdlRrStU1] [<pathname>]", ""},
      {"NLST", logged_in, optional, waits, transfer, list_codes, &Pi::on_nlst, Right::list, false, "[-aAdlRrStU1] [<pathname>]", ""},
      {"SITE", logged_in, required, waits, simple, codes<200, 202, 214, 502, 504, 530>, &Pi::on_site, {}, false, "<subcommand>", ""},
      {"SYST", anywhere, none, waits, simple, codes<215, 502>, &Pi::on_syst, {}, false, "", ""},
      // 530: STAT with a path before login.
      {"STAT", anywhere, optional, acts, simple, codes<211, 212, 213, 450, 451, 502, 530, 550>, &Pi::on_stat, {}, false, "[<pathname>]", ""},
      {"HELP", anywhere, optional, waits, simple, codes<211, 214, 502>, &Pi::on_help, {}, false, "[<command>]", ""},
      {"NOOP", anywhere, optional, acts, simple, codes<200>, &Pi::on_noop, {}, false, "", ""},

      // RFC 775, RFC 1123 4.1.3.1: the experimental names.
      {"XCWD", logged_in, required, waits, simple, file_codes, &Pi::on_cwd, {}, false, "<pathname>", ""},
      {"XCUP", logged_in, none, waits, simple, file_codes, &Pi::on_cdup, {}, false, "", ""},
      {"XMKD", logged_in, required, waits, simple, codes<257, 450, 451, 452, 502, 530, 550, 552, 553>, &Pi::on_mkd, Right::make_dir, false, "<pathname>", ""},
      {"XRMD", logged_in, required, waits, simple, file_codes, &Pi::on_rmd, Right::remove, false, "<pathname>", ""},
      {"XPWD", logged_in, none, waits, simple, codes<257, 502, 530, 550>, &Pi::on_pwd, {}, false, "", ""},

      // RFC 2389: features.
      {"FEAT", anywhere, none, waits, simple, codes<211, 502>, &Pi::on_feat, {}, false, "", ""},
      {"OPTS", anywhere, required, waits, simple, codes<200, 451>, &Pi::on_opts, {}, false, "UTF8 ON | MLST <facts> | HASH [<algorithm>] | MODE Z [<name> <value> ...]", ""},

      // RFC 2428: addresses of any family. 504: as for PORT.
      {"EPRT", logged_in, required, waits, simple, codes<200, 504, 522, 530>, &Pi::on_eprt, {}, false, "|<family>|<address>|<port>|", "EPRT"},
      {"EPSV", logged_in, optional, waits, simple, codes<200, 229, 425, 522, 530>, &Pi::on_epsv, {}, false, "[1 | 2 | ALL]", "EPSV"},

      // RFC 3659.
      // 452: with a time it sets that, as many clients send it; see on_mdtm.
      {"MDTM", logged_in, required, waits, simple, codes<213, 450, 451, 452, 530, 550, 552>, &Pi::on_mdtm, Right::read, false, "[<time to set>] <pathname>", "MDTM"},
      {"SIZE", logged_in, required, waits, simple, look_codes, &Pi::on_size, Right::read, false, "<pathname>", "SIZE"},
      {"MLST", logged_in, optional, waits, simple, codes<250, 450, 451, 530, 550>, &Pi::on_mlst, Right::list, false, "[<pathname>]", ""},
      {"MLSD", logged_in, optional, waits, transfer, list_codes, &Pi::on_mlsd, Right::list, false, "[<pathname>]", ""},
      {"MLSR", logged_in, optional, waits, transfer, list_codes, &Pi::on_mlsr, Right::list, false, "[<pathname>]", "MLSR"},

      // draft-somers-ftp-mfxx. MFCT, as no Linux system call sets when a file was made, stands among those not there.
      {"MFMT", logged_in, required, waits, simple, facts_codes, &Pi::on_mfmt, Right::write, false, "<time> <pathname>", "MFMT"},
      {"MFF", logged_in, required, waits, simple, facts_codes, &Pi::on_mff, Right::write, false, "<fact>=<value>;... <pathname>", "MFF Modify;UNIX.mode;"},

      // draft-peterson-streamlined-ftp-command-extensions. CLNT is what CSID came from.
      {"AVBL", logged_in, optional, waits, simple, codes<213, 450, 451, 530, 550>, &Pi::on_avbl, Right::write, false, "[<pathname>]", "AVBL"},
      {"CLNT", anywhere, required, waits, simple, codes<200>, &Pi::on_clnt, {}, false, "<name of the client>", "CLNT"},
      {"CSID", logged_in, optional, waits, simple, codes<200, 530>, &Pi::on_csid, {}, false, "Name=<name>;Version=<version>;", "CSID"},
      {"DSIZ", logged_in, optional, waits, simple, measure_codes, &Pi::on_dsiz, Right::list, false, "[<pathname>]", "DSIZ", 0, {}, true},
      {"RMDA", logged_in, required, waits, simple, tree_codes, &Pi::on_rmda, Right::remove, false, "<pathname>", "RMDA", 0, {}, true},

      // Practice. COMB: what is stored in parts becomes one file. PRET says which transfer command comes next; in FEAT it
      // would make clients send it before each transfer, and this server needs no such hint.
      {"COMB", logged_in, required, waits, simple, combine_codes, &Pi::on_comb, Right::write, false, "<target> <source> [<source> ...]", "COMB", 0, rights<Right::read, Right::remove>, true},
      {"PRET", logged_in, required, waits, simple, codes<200, 450, 451, 504, 521, 530, 532, 550>, &Pi::on_pret, {}, false, "<transfer command> [<pathname>]", ""},

      // RFC 2228, RFC 4217. What they answer without TLS: out of sequence without AUTH (RFC 2228 8.2), CCC 500 (RFC 4217 5).
      {"AUTH", anywhere, required, waits, simple, codes<234, 431, 502, 504, 534>, &Pi::on_auth, {}, false, "TLS", "AUTH TLS", 502},
      {"PBSZ", anywhere, required, waits, simple, codes<200, 503>, &Pi::on_pbsz, {}, false, "0", "PBSZ", 503},
      {"PROT", anywhere, required, waits, simple, codes<200, 503, 504, 534, 536>, &Pi::on_prot, {}, false, "C | P", "PROT", 503},
      {"CCC", anywhere, none, waits, simple, codes<200, 533, 534>, &Pi::on_ccc, {}, false, "", "", 500},

      // RFC 2640 4. FEAT's line has the current language in it: on_feat writes it.
      {"LANG", anywhere, optional, waits, simple, codes<200, 502, 504>, &Pi::on_lang, {}, false, "[<language-tag>]", ""},

      // RFC 7151.
      {"HOST", anywhere, required, waits, simple, codes<220, 502, 503, 504>, &Pi::on_host, {}, false, "<host-name> | <address>", "HOST"},

      // draft-bryan-ftp-range-08 3, 5; draft-bryan-ftpext-hash-02 3.5, and what clients knew before. 451 is ABOR's.
      {"RANG", logged_in, required, waits, sequence, codes<350, 530, 551, 552>, &Pi::on_rang, {}, false, "<first octet> <last octet> | 1 0", "RANG STREAM"},
      {"HASH", logged_in, required, waits, simple, codes<213, 450, 451, 530, 550, 551, 552, 553, 556>, &Pi::on_hash, {}, false, "<pathname>", "", 0, {}, true},
      {"XCRC", logged_in, required, waits, simple, checksum_codes, &Pi::on_checksum, Right::read, false, checksum_syntax, "XCRC", 0, {}, true},
      {"XMD5", logged_in, required, waits, simple, checksum_codes, &Pi::on_checksum, Right::read, false, checksum_syntax, "XMD5", 0, {}, true},
      {"XSHA", logged_in, required, waits, simple, checksum_codes, &Pi::on_checksum, Right::read, false, checksum_syntax, "XSHA", 0, {}, true},
      {"XSHA1", logged_in, required, waits, simple, checksum_codes, &Pi::on_checksum, Right::read, false, checksum_syntax, "XSHA1", 0, {}, true},
      {"XSHA256", logged_in, required, waits, simple, checksum_codes, &Pi::on_checksum, Right::read, false, checksum_syntax, "XSHA256", 0, {}, true},
      {"XSHA512", logged_in, required, waits, simple, checksum_codes, &Pi::on_checksum, Right::read, false, checksum_syntax, "XSHA512", 0, {}, true},

      // Known and not implemented: 502, where an unknown verb gets 500 (RFC 959 4.2.1).
      unimplemented("MIC"), unimplemented("CONF"), unimplemented("ENC"),
      unimplemented("LPRT"), unimplemented("LPSV"), unimplemented("ALGS"), unimplemented("MFCT"), unimplemented("THMB"),
      // The first of its codes is the answer: TLS asks for no ADAT (RFC 4217 4).
      unimplemented("ADAT", codes<503>),
    });
    // clang-format on
  }
};

constexpr auto rows = CommandTable::make();
constexpr auto site_rows = CommandTable::make_site();

// Sections 5.4 and 6 agree: no code of a row may be an error in the row's diagram, and every command
// that is implemented has a code for a good end. A 1yz belongs to the second diagram alone.
consteval bool agree(std::span<const CommandRow> table) {
  for (const CommandRow& row : table) {
    bool has_good_end = false;
    for (const std::uint16_t code : row.codes) {
      const Next then = next(code == 110 ? Diagram::transferring : row.diagram, code);
      if (then == Next::error) return false;
      has_good_end |= then == Next::success || then == Next::sequel;
    }
    const bool only_refused = row.codes.front() >= 500;
    if (!has_good_end && !only_refused) return false;
  }
  return true;
}
static_assert(agree(rows) && agree(site_rows), "a reply code of RFC 959 5.4 contradicts the diagram of section 6");

consteval bool unique(std::span<const CommandRow> table) {
  for (const CommandRow& a : table)
    for (const CommandRow& b : table)
      if (&a != &b && a.verb == b.verb) return false;
  return true;
}
static_assert(unique(rows) && unique(site_rows), "two rows for one verb");

std::span<const CommandRow> command_table() { return rows; }
std::span<const CommandRow> site_table() { return site_rows; }

namespace {

// A verb as one number, so that finding it compares numbers. 0 for what can be none: too long, or with a NUL.
constexpr std::uint64_t key_of(std::string_view verb) {
  if (verb.size() > sizeof(std::uint64_t) || verb.find('\0') != std::string_view::npos) return 0;
  std::uint64_t key = 0;
  for (const char c : verb) key = key << 8 | static_cast<unsigned char>(upper(c));
  return key;
}

struct Found {
  std::uint64_t key;
  const CommandRow* row;
};

consteval auto sorted() {
  std::array<Found, rows.size()> found{};
  for (std::size_t i = 0; i < rows.size(); ++i) found[i] = {key_of(rows[i].verb), &rows[i]};
  std::ranges::sort(found, {}, &Found::key);
  if (found.front().key == 0) throw "a verb is too long for a key";
  return found;
}

constexpr auto by_key = sorted();

}  // namespace

const CommandRow* find_command(std::string_view verb) {
  const std::uint64_t key = key_of(verb);
  const auto found = std::ranges::lower_bound(by_key, key, {}, &Found::key);
  return found != by_key.end() && found->key == key ? found->row : nullptr;
}

const CommandRow* find_site_command(std::string_view word) {
  const auto found =
      std::ranges::find_if(site_rows, [&](const CommandRow& row) { return equal_without_case(row.verb, word); });
  return found != site_rows.end() ? &*found : nullptr;
}

Command split_line(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return {line, {}, false};
  return {line.substr(0, space), line.substr(space + 1), space + 1 < line.size()};
}

}  // namespace core
