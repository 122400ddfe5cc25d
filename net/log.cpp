// One line an event: time, level, text.
#include "net/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <utility>

#include "io/fd.hpp"

namespace net {
namespace {

constexpr std::size_t queued_lines = 8192;
constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                spdlog::level::err};

mode_t present_umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

/// Appends whole lines to a file, which several processes may do to one. The library's own can neither be opened anew
/// nor keep the umask of the start, which the server gives up.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FileSink(std::string path) : path_(std::move(path)), umask_(present_umask()) {}

  /// 0 or an errno.
  int open() {
    io::Fd file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666 & ~umask_));
    if (!file) return errno;
    file_ = std::move(file);
    return 0;
  }
  /// With the next flush.
  void reopen() { reopen_wanted_ = true; }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string_view left(line.data(), line.size());
    while (!left.empty()) {
      const ssize_t written = ::write(file_.get(), left.data(), left.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw spdlog::spdlog_ex("cannot write " + path_, errno);  // the logger takes it
      left.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void flush_() override {
    if (!reopen_wanted_.exchange(false)) return;
    const int error = open();
    if (error == 0) return;
    const std::string text = fmt::format("log.file: cannot open `{}` anew: {}; lines go on to the file that was open",
                                         path_, strerror(error));
    sink_it_(spdlog::details::log_msg("millrace", spdlog::level::err, text));
  }

  std::string path_;
  mode_t umask_;
  io::Fd file_;
  std::atomic<bool> reopen_wanted_ = false;
};

FileSink* file_sink_of(const spdlog::logger& log) { return dynamic_cast<FileSink*>(log.sinks().front().get()); }

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
  if (config.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    std::error_code ignored;  // opening tells
    std::filesystem::create_directories(std::filesystem::path(config.file).parent_path(), ignored);
    auto file = std::make_shared<FileSink>(config.file);
    if (const int error = file->open(); error != 0)
      return std::unexpected(fmt::format("cannot open `{}`: {}", config.file, strerror(error)));
    sink = std::move(file);
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

void reopen_log(spdlog::logger& log) {
  FileSink* const sink = file_sink_of(log);
  if (sink == nullptr) return;
  sink->reopen();
  log.flush();
}

bool shows_on_stderr(const spdlog::logger& log, spdlog::level::level_enum level) {
  return file_sink_of(log) == nullptr && log.should_log(level);
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

void log_mistakes(spdlog::logger& log, const std::string& file, const std::vector<core::ConfigError>& mistakes) {
  for (const core::ConfigError& mistake : mistakes) log.error("reload: {}", log_text(core::to_string(mistake)));
  log.error("reload: {} has mistakes; the old configuration holds", file);
}

void log_warnings(spdlog::logger& log, const core::ParsedConfig& parsed) {
  for (const core::ConfigError& warning : parsed.warnings) log.warn("{}", log_text(core::to_string(warning)));
}

void flush_log() { spdlog::shutdown(); }

}  // namespace net
