// One line an event: time, level, text.
#include "net/log.hpp"

#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <iterator>

namespace net {
namespace {

constexpr std::size_t queued_lines = 8192;
constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                spdlog::level::err};

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

std::string log_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", octet);
    } else {
      out += c;
    }
  }
  return out;
}

void flush_log() { spdlog::shutdown(); }

}  // namespace net
