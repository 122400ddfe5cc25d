// Entries as lines, written without a format string a line: a directory may hold a million of them.
// RFC 959 4.1.3 and RFC 1123 4.1.2.7 (LIST, NLST), RFC 3659 2.3 and 7 (times, MLSx).
// Formats only: must not know files, clocks or sockets.
#include "core/listing.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>

#include "core/control_characters.hpp"
#include "core/limits.hpp"

namespace core {
namespace {

// ---- numbers and times ----

/// A line without its name, which is all that has no bound: put together here, it costs the listing one append.
class Head {
 public:
  Head& operator+=(char c) {
    text_[size_++] = c;
    return *this;
  }
  Head& operator+=(std::string_view text) {
    size_ += text.copy(text_.data() + size_, text_.size() - size_);
    return *this;
  }
  void fill(std::size_t count, char c) {
    while (count-- > 0) *this += c;
  }
  void number(std::uint64_t value, int base = 10) {
    const auto end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), value, base).ptr;
    size_ = static_cast<std::size_t>(end - text_.data());
  }
  std::size_t size() const { return size_; }
  operator std::string_view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 256> text_{};  // all facts, each with the longest value, have 190
  std::size_t size_ = 0;
};

/// Digits of `value`, filled up to `width` on the left.
void append_number(Head& out, std::uint64_t value, std::size_t width = 0, char fill = ' ', int base = 10) {
  if (width == 0) return out.number(value, base);
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  const auto size = static_cast<std::size_t>(end - digits.data());
  if (size < width) out.fill(width - size, fill);
  out += std::string_view(digits.data(), size);
}

void append_two_digits(Head& out, unsigned value) {
  out += static_cast<char>('0' + value / 10);
  out += static_cast<char>('0' + value % 10);
}

/// Digits of `value`, filled up to `width` with blanks on the right.
void append_left(Head& out, std::uint64_t value, std::size_t width) {
  const std::size_t end = out.size() + width;
  out.number(value);
  if (out.size() < end) out.fill(end - out.size(), ' ');
}

constexpr std::int64_t day_s = 86'400;

constexpr std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

struct CivilTime {
  std::int64_t year;
  unsigned month, day, hour, minute, second;  ///< month and day from 1
};

/// The Gregorian calendar in UTC. Counted from 1 March of the year 0, so that the leap day ends a year.
constexpr CivilTime civil_time(std::int64_t seconds) {
  constexpr std::int64_t days_before_1970 = 719'468;
  constexpr std::int64_t days_400_years = 146'097, days_100_years = 36'524, days_4_years = 1'461;
  const std::int64_t whole_days = floor_divide(seconds, day_s);
  const std::int64_t of_day = seconds - whole_days * day_s;

  std::int64_t days = whole_days + days_before_1970;
  const std::int64_t cycles = floor_divide(days, days_400_years);
  days -= cycles * days_400_years;
  // The last century of a cycle and the last year of four are one day longer: the quotient stops at 3.
  const std::int64_t centuries = std::min<std::int64_t>(days / days_100_years, 3);
  days -= centuries * days_100_years;
  const std::int64_t fours = days / days_4_years;
  days -= fours * days_4_years;
  const std::int64_t years = std::min<std::int64_t>(days / 365, 3);
  days -= years * 365;

  // From March on, five months have 153 days, in the pattern 31 30 31 30 31.
  const std::int64_t march_month = (5 * days + 2) / 153;
  const std::int64_t day = days - (153 * march_month + 2) / 5 + 1;
  const std::int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  const std::int64_t year = cycles * 400 + centuries * 100 + fours * 4 + years + (month <= 2 ? 1 : 0);
  return {year,
          static_cast<unsigned>(month),
          static_cast<unsigned>(day),
          static_cast<unsigned>(of_day / 3600),
          static_cast<unsigned>(of_day / 60 % 60),
          static_cast<unsigned>(of_day % 60)};
}

/// A moment whose year has four digits.
std::int64_t shown_second(const FileTime& time) { return std::clamp(time.seconds, first_second, last_second); }

void append_time_value(Head& out, const FileTime& at) {
  const CivilTime time = civil_time(shown_second(at));
  append_number(out, static_cast<std::uint64_t>(time.year), 4, '0');
  for (const unsigned part : {time.month, time.day, time.hour, time.minute, time.second}) append_two_digits(out, part);
}

constexpr std::int64_t half_year_s = 365 * day_s / 2;
/// A file written this moment may bear a time a little ahead of the clock that was read before.
constexpr std::int64_t clock_slack_s = 60;

/// "Nov 22 10:31", or "Nov 22  2025" when the hour would leave the year in doubt.
void append_list_time(Head& out, const FileTime& modified, std::int64_t now_s) {
  static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::int64_t modified_s = shown_second(modified);
  const std::int64_t age_s = now_s - modified_s;
  const CivilTime time = civil_time(modified_s);
  (out += months[time.month - 1]) += ' ';
  append_number(out, time.day, 2);
  out += ' ';
  if (age_s > half_year_s || age_s < -clock_slack_s) {
    append_number(out, static_cast<std::uint64_t>(time.year), 5);
  } else {
    append_two_digits(out, time.hour);
    out += ':';
    append_two_digits(out, time.minute);
  }
}

// ---- LIST ----

/// As ls writes it: kind, then read, write, execute for owner, group and others.
void append_mode(Head& out, const Entry& entry) {
  static constexpr std::string_view kinds = "-dls";  // an object of another kind shows as a socket: no type fits all
  out += kinds[static_cast<std::size_t>(entry.kind)];
  struct Class {
    unsigned shift, special_bit;
    char with_execute, without_execute;
  };
  static constexpr std::array<Class, 3> classes{{{6, 04000, 's', 'S'}, {3, 02000, 's', 'S'}, {0, 01000, 't', 'T'}}};
  for (const Class& who : classes) {
    const std::uint32_t bits = entry.mode >> who.shift;
    const bool executes = (bits & 1) != 0;
    out += (bits & 4) != 0 ? 'r' : '-';
    out += (bits & 2) != 0 ? 'w' : '-';
    if ((entry.mode & who.special_bit) != 0) {
      out += executes ? who.with_execute : who.without_execute;
    } else {
      out += executes ? 'x' : '-';
    }
  }
}

// ---- MLSx ----

std::string_view type_word(const Entry& entry, std::string_view as) {
  static constexpr std::array<std::string_view, 4> words{"file", "dir", "OS.unix=slink", "OS.unix=special"};
  return as.empty() ? words[static_cast<std::size_t>(entry.kind)] : as;
}

/// One letter of the perm fact (RFC 3659 7.5.5): on which kinds, and the right that makes it true.
struct Permission {
  char letter;
  bool files, directories, others;
  std::optional<Right> needs;
};

/// "d" of a directory would also promise that it is empty, which is not known here.
constexpr std::array<Permission, 10> permissions{{
    {'a', true, false, false, Right::write},
    {'c', false, true, false, Right::write},
    {'d', true, false, true, Right::remove},
    {'e', false, true, false, std::nullopt},
    {'f', true, true, true, Right::rename},
    {'l', false, true, false, Right::list},
    {'m', false, true, false, Right::make_dir},
    {'p', false, true, false, Right::remove},
    {'r', true, false, false, Right::read},
    {'w', true, false, false, Right::write},
}};

void append_perm(Head& out, Entry::Kind kind, Rights rights) {
  for (const Permission& permission : permissions) {
    const bool applies = kind == Entry::Kind::file        ? permission.files
                         : kind == Entry::Kind::directory ? permission.directories
                                                          : permission.others;
    if (applies && (!permission.needs || rights.has(*permission.needs))) out += permission.letter;
  }
}

/// Device and inode, parted by a letter that no hexadecimal digit is: equal for all names of one object
/// and for no two objects (RFC 3659 7.5.2).
void append_unique(Head& out, const Entry& entry) {
  append_number(out, entry.device, 0, ' ', 16);
  out += 'g';
  append_number(out, entry.inode, 0, ' ', 16);
}

// ---- wildcards ----

struct Character {
  std::uint32_t value;
  std::size_t size;  ///< octets
};

/// The first character of `text`, which is not empty: a UTF-8 sequence, so that ? stands for what a
/// reader sees as one letter, or else a lone octet with a value above all of Unicode.
Character first_character(std::string_view text) {
  constexpr std::uint32_t not_unicode = 0x110000;
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const Character lone{not_unicode + lead, 1};
  if (lead < 0xc2 || lead > 0xf4 || size > text.size()) return lone;
  static constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};  // below: an overlong form
  std::uint32_t value = lead & (0x7fU >> size);
  for (const char octet : text.substr(1, size - 1)) {
    const auto bits = static_cast<unsigned char>(octet);
    if ((bits & 0xc0) != 0x80) return lone;
    value = value << 6 | (bits & 0x3f);
  }
  return value < least[size] || value >= not_unicode ? lone : Character{value, size};
}

/// The length of the bracket expression that `pattern` begins with; 0 when it is not closed: "[" is itself then.
/// `last_close` is where the last "]" of the whole pattern stands, counted from its end: without it a row of
/// "[" would be searched to the end for each of them.
std::size_t bracket_size(std::string_view pattern, std::size_t last_close) {
  if (pattern.size() < last_close) return 0;
  std::size_t first = 1;
  if (first < pattern.size() && (pattern[first] == '!' || pattern[first] == '^')) ++first;
  const std::size_t close = pattern.find(']', first + 1);  // a "]" that comes first is one of the set
  return close == std::string_view::npos ? 0 : close + 1;
}

/// `set` is what stands between the brackets.
bool in_bracket(std::string_view set, std::uint32_t value) {
  const bool negated = set.front() == '!' || set.front() == '^';
  if (negated) set.remove_prefix(1);
  while (!set.empty()) {
    const Character low = first_character(set);
    Character high = low;
    set.remove_prefix(low.size);
    if (set.size() >= 2 && set.front() == '-') {
      high = first_character(set.substr(1));
      set.remove_prefix(1 + high.size);
    }
    if (value >= low.value && value <= high.value) return !negated;
  }
  return negated;
}

struct Step {
  std::size_t pattern = 0, name = 0;  ///< octets matched; 0: no match
};

/// Matches one pattern element that is not a star against one character.
Step match_one(std::string_view pattern, std::size_t last_close, std::string_view name) {
  if (pattern.empty() || name.empty()) return {};
  const Character have = first_character(name);
  if (pattern.front() == '?') return {1, have.size};
  if (pattern.front() == '[') {
    if (const std::size_t size = bracket_size(pattern, last_close); size != 0) {
      return in_bracket(pattern.substr(1, size - 2), have.value) ? Step{size, have.size} : Step{};
    }
  }
  const Character want = first_character(pattern);
  return want.value == have.value ? Step{want.size, have.size} : Step{};
}

}  // namespace

ListRequest parse_list_argument(std::string_view argument) {
  ListRequest request;
  bool one_a_line = false, long_lines = false;
  while (argument.size() >= 2 && argument.front() == '-') {
    const std::string_view word = argument.substr(0, argument.find(' '));
    if (word == "-") break;
    argument.remove_prefix(std::min(word.size() + 1, argument.size()));
    if (word == "--") break;
    if (word.starts_with("--")) continue;  // a long option: none changes what is listed here
    for (const char letter : word.substr(1)) {
      switch (letter) {
        case 'a':
        case 'A': request.all = true; break;
        case 'd': request.directory_itself = true; break;
        case 'l': long_lines = true; break;
        case '1': one_a_line = true; break;
        case 'R': request.recursive = true; break;
        case 'r': request.reverse = true; break;
        case 't': request.order = ListOrder::time; break;
        case 'S': request.order = ListOrder::size; break;
        case 'U': request.order = ListOrder::none; break;
        default: break;
      }
    }
  }
  request.names_alone = one_a_line && !long_lines;
  request.path = argument;
  return request;
}

void append_list_line(std::string& out, const Entry& entry, std::string_view name, std::int64_t now_s) {
  Head head;
  append_mode(head, entry);
  head += ' ';
  append_number(head, entry.links, 3);
  head += ' ';
  append_left(head, entry.owner, 8);
  head += ' ';
  append_left(head, entry.group, 8);
  head += ' ';
  append_number(head, entry.size, 8);
  head += ' ';
  append_list_time(head, entry.modified, now_s);
  head += ' ';
  out += head;
  append_printable(out, name);
  if (entry.kind == Entry::Kind::link && !entry.leads_to.empty()) {
    out += " -> ";
    append_printable(out, entry.leads_to);
  }
  out += "\r\n";
}

std::int64_t list_line_holds_until(const Entry& entry, std::int64_t now_s) {
  const std::int64_t modified_s = shown_second(entry.modified);
  const std::int64_t age_s = now_s - modified_s;
  if (age_s < -clock_slack_s) return modified_s - clock_slack_s;
  return age_s > half_year_s ? INT64_MAX : modified_s + half_year_s + 1;
}

void append_name_line(std::string& out, std::string_view prefix, std::string_view name) {
  out += prefix;
  if (!prefix.empty() && !prefix.ends_with('/')) out += '/';
  (out += name) += "\r\n";
}

void append_machine_entry(std::string& out, const Entry& entry, std::string_view name, const FactSet& facts,
                          Rights rights, std::string_view as) {
  Head head;
  const auto append_fact = [&](Fact fact, auto&& append_value) {
    if (!facts.has(fact)) return;
    (head += fact_name(fact)) += '=';
    append_value();
    head += ';';
  };
  if (facts.has(Fact::type)) {  // without the bound that the other facts have
    (out += fact_name(Fact::type)) += '=';
    out += type_word(entry, as);
    if (entry.kind == Entry::Kind::link && as.empty() && is_fact_value(entry.leads_to)) (out += ':') += entry.leads_to;
    out += ';';
  }
  if (entry.kind_alone) {
    (out += ' ') += name;
    return;
  }
  // Of a directory or a device the number of octets says nothing (RFC 3659 7.5.7).
  const bool sized = entry.kind == Entry::Kind::file || entry.leads_to_file;
  if (sized) append_fact(Fact::size, [&] { append_number(head, entry.size); });
  append_fact(Fact::modify, [&] { append_time_value(head, entry.modified); });
  append_fact(Fact::unique, [&] { append_unique(head, entry); });
  append_fact(Fact::perm, [&] { append_perm(head, entry.kind, rights); });
  append_fact(Fact::unix_mode, [&] { append_number(head, entry.mode & 07777, 4, '0', 8); });
  append_fact(Fact::unix_owner, [&] { append_number(head, entry.owner); });
  append_fact(Fact::unix_group, [&] { append_number(head, entry.group); });
  head += ' ';
  (out += head) += name;
}

std::string time_value(const FileTime& time) {
  Head text;
  append_time_value(text, time);
  return std::string(text);
}

bool listable(ListFormat format, std::string_view name) {
  switch (format) {
    case ListFormat::list: return true;
    case ListFormat::names: return !has_control(name);
    case ListFormat::machine: return name.find_first_of("\r\n") == std::string_view::npos;
  }
  return false;
}

bool has_wildcard(std::string_view name) { return name.find_first_of("*?[") != std::string_view::npos; }

bool glob_match(std::string_view pattern, std::string_view name) {
  // Both limits bound what one match may cost: a client chooses the pattern, and perhaps the names too.
  if (pattern.size() > limits::name_max) return false;
  if (static_cast<std::size_t>(std::ranges::count(pattern, '*')) > limits::glob_stars_max) return false;
  if (name.starts_with('.') && !pattern.starts_with('.')) return false;
  const std::size_t last_close = pattern.size() - pattern.rfind(']');
  // Where the last star stands and what it may try next. Earlier stars never need another try: what
  // they could take, the last one can take too. So the cost is the product of the lengths at most.
  std::optional<std::string_view> behind_star;
  std::string_view retry;
  while (true) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      behind_star = pattern;
      retry = name;
    } else if (pattern.empty() && name.empty()) {
      return true;
    } else if (const Step step = match_one(pattern, last_close, name); step.pattern != 0) {
      pattern.remove_prefix(step.pattern);
      name.remove_prefix(step.name);
    } else if (behind_star && !retry.empty()) {
      retry.remove_prefix(first_character(retry).size);
      pattern = *behind_star;
      name = retry;
    } else {
      return false;
    }
  }
}

}  // namespace core
