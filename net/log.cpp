// One line an event: time, level, text.
#include "net/log.hpp"

#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

namespace net {
namespace {

constexpr std::size_t queued_lines = 8192;
constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                spdlog::level::err};

// Octets of the UTF-8 character that `text` begins with; 0: it is a control character, or none at all (RFC 3629 4).
std::size_t shown_octets(std::string_view text) {
  const auto octet = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto between = [&](std::size_t i, unsigned least, unsigned most) {
    return octet(i) >= least && octet(i) <= most;
  };
  const auto follows = [&](std::size_t i) { return between(i, 0x80, 0xbf); };
  if (between(0, 0x20, 0x7e)) return 1;
  if (between(0, 0xc2, 0xdf)) return follows(1) && (octet(0) > 0xc2 || octet(1) > 0x9f) ? 2 : 0;
  if (between(0, 0xe0, 0xef)) {
    const unsigned least = octet(0) == 0xe0 ? 0xa0 : 0x80;
    const unsigned most = octet(0) == 0xed ? 0x9f : 0xbf;
    return between(1, least, most) && follows(2) ? 3 : 0;
  }
  if (!between(0, 0xf0, 0xf4)) return 0;
  const unsigned least = octet(0) == 0xf0 ? 0x90 : 0x80;
  const unsigned most = octet(0) == 0xf4 ? 0x8f : 0xbf;
  return between(1, least, most) && follows(2) && follows(3) ? 4 : 0;
}

}  // namespace

std::expected<std::shared_ptr<spdlog::logger>, std::string> make_log(const core::Config::Log& config,
                                                                     const LogWriter& writer) {
  spdlog::sink_ptr sink;
  // The library reports a file it cannot open by an exception; here it is a value like any other.
  try {
    if (config.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.file);
    }
  } catch (const spdlog::spdlog_ex& error) {
    return std::unexpected(std::string(error.what()));
  }
  std::shared_ptr<spdlog::logger> log;
  if (writer.threaded) {
    spdlog::init_thread_pool(queued_lines, 1);
    log = std::make_shared<spdlog::async_logger>("millrace", sink, spdlog::thread_pool(),
                                                 spdlog::async_overflow_policy::overrun_oldest);
  } else {
    log = std::make_shared<spdlog::logger>("millrace", sink);
  }
  const std::string who = writer.worker > 0 ? fmt::format("worker {}: ", writer.worker) : std::string();
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l " + who + "%v");
  log->set_level(levels[static_cast<std::size_t>(config.level)]);
  log->flush_on(spdlog::level::debug);  // whole lines, so that those of several processes do not mix
  return log;
}

std::string log_text(std::string_view text, std::size_t most) {
  std::string out;
  const bool cut = text.size() > most;
  if (cut) text = text.substr(0, most);
  while (!text.empty()) {
    const std::size_t octets = shown_octets(text);
    if (octets == 0) fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text.front()));
    out += text.substr(0, octets);
    text.remove_prefix(std::max<std::size_t>(octets, 1));
  }
  return cut ? out + "..." : out;
}

void flush_log() { spdlog::shutdown(); }

}  // namespace net
