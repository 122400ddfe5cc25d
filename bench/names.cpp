// One session, one NLST, before anything is measured.
#include "bench/names.hpp"

#include <fmt/format.h>

#include "bench/address.hpp"
#include "bench/entry.hpp"
#include "bench/user_dtp.hpp"
#include "bench/user_pi.hpp"

namespace bench {
namespace {

class Lister final : UserPiOwner, UserDtpOwner {
 public:
  Lister(Context& context, const Options& options, const Load& load, const io::Address& server)
      : context_(context),
        options_(options),
        load_(load),
        server_(server),
        lines_(entry_lines(options, {.scenario = find_scenario("list")})),
        entry_(lines_),
        pi_(context, *this),
        dtp_(context, static_cast<UserDtpOwner&>(*this), options.protects_data() ? &session_ : nullptr) {}

  std::expected<std::string, std::string> run() {
    timer_.bind<&Lister::on_timer>(*this);
    context_.reactor.arm(timer_, context_.reactor.now() + static_cast<io::Time>(options_.timeout_s * io::second));
    if (options_.tls == "implicit") pi_.secure(session_);
    pi_.connect(server_, nullptr, 0);
    while (!over_) context_.reactor.turn();
    pi_.close();
    dtp_.close();
    context_.reactor.join();
    if (!problem_.empty()) return std::unexpected(problem_);
    return dtp_.text();
  }

 private:
  // The entry, then TYPE A, EPSV, NLST; each is sent when the one before has succeeded. PASV where EPSV is refused.
  void on_reply(const Asked& asked, core::Next next, const Reply& reply) override {
    if (next == core::Next::wait) return;
    const std::string_view verb = asked.verb();
    if (verb == "EPSV" && next == core::Next::failure) return ask({"PASV", ""});
    if (!Entry::may_go_on(verb, next)) return stop(fmt::format("{} answered with \"{}\"", verb, reply.line));
    if (verb == "NLST") return end_half();
    if (verb == "AUTH") pi_.secure(session_);
    if (verb != "EPSV" && verb != "PASV") {
      const EntryLine* line = entry_.after(verb, next);
      return ask(line != nullptr ? *line : EntryLine{"EPSV", ""});
    }
    const auto port = verb == "EPSV" ? extended_passive_port(reply.text()) : passive_port(reply.text());
    if (!port) return stop(fmt::format("no port in \"{}\"", reply.line));
    io::Address to = server_;
    to.set_port(*port);
    dtp_.prepare(Sink::keep);
    ask({"NLST", load_.path});
    dtp_.connect(to, nullptr);
  }
  void ask(const EntryLine& line) {
    pi_.ask(line.verb, line.argument, 0);
    pi_.flush();
  }

  void on_lost(std::string_view, const std::string& what) override { stop(what); }
  void on_pi_closed() override {}
  void on_data_open(UserDtp& dtp) override { dtp.receive(); }
  void on_data_octets(std::uint64_t) override {}
  void on_file(const Copy&) override {}
  void on_data_end(UserDtp& dtp, int error) override {
    dtp.close();
    if (error != 0) return stop(std::string("data connection: ") + error_text(error));
    end_half();
  }
  void on_data_closed(UserDtp&) override {}
  void on_timer() { stop("nothing came"); }

  // The final reply and the end of the data connection, whichever is later.
  void end_half() {
    if (++halves_ == 2) over_ = true;
  }
  void stop(const std::string& why) {
    if (problem_.empty()) problem_ = why;
    over_ = true;
  }

  Context& context_;
  const Options& options_;
  const Load& load_;
  io::Address server_;
  std::vector<EntryLine> lines_;
  Entry entry_;
  TlsSession session_;
  UserPi pi_;
  UserDtp dtp_;
  io::Timer timer_;
  int halves_ = 0;
  bool over_ = false;
  std::string problem_;
};

// Some servers list names alone, others with the path that was asked for in front.
std::vector<std::string> names_in(std::string_view listing, const std::string& path) {
  const std::string directory = path.ends_with('/') ? path : path + '/';
  std::vector<std::string> names;
  while (!listing.empty()) {
    const std::size_t end = listing.find("\r\n");
    const std::string_view line = listing.substr(0, end);
    listing.remove_prefix(end == std::string_view::npos ? listing.size() : end + 2);
    if (line.empty()) continue;
    const std::string_view name = line.substr(line.rfind('/') + 1);  // npos + 1 is 0
    if (name != "." && name != "..") names.push_back(line == path ? path : directory + std::string(name));
  }
  return names;
}

}  // namespace

std::expected<std::vector<std::string>, std::string> find_names(const Options& options, const Load& load,
                                                                const io::Address& server) {
  std::vector<std::string> names;
  if (!load.scenario->many_files) return std::vector{load.path};
  const std::string directory = load.path.ends_with('/') ? load.path : load.path + '/';
  names.reserve(load.files);
  for (std::uint64_t i = 0; i < load.files; ++i) names.push_back(directory + std::to_string(i));
  if (load.files > 0) return names;

  auto chosen = io::make_backend(options.backend, {.offload_threads = 1});
  if (!chosen) return std::unexpected(chosen.error());
  io::Reactor reactor(*chosen->backend);
  TlsContext tls(options.tls_version, options.tls_resume);
  Context context{reactor, &tls};
  std::expected<std::string, std::string> listing;
  {
    Lister lister(context, options, load, server);
    listing = lister.run();
  }
  reactor.join();
  if (!listing) return std::unexpected("listing " + load.path + ": " + listing.error());
  names = names_in(*listing, load.path);
  if (names.empty()) return std::unexpected("there are no files in " + load.path);
  return names;
}

}  // namespace bench
