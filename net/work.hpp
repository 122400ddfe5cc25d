// What a command does with files that may take long and moves nothing over a data connection: DSIZ, RMDA, COMB, SITE
// CPTO and MKDIR, HASH and its kin. Object by object, piece by piece, each an operation, so that others get their turns
// in between; what reads files whole also needs one of the places that limits.heavy_works grants. Knows trees, copies
// and digests of files; must not know commands or replies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/action.hpp"
#include "net/context.hpp"

namespace net {

/// One piece of work, which runs once: start(), then the bound callback, and error() and the rest may be read.
class Work {
 public:
  Work(Context& context, const core::Config::Limits& limits, std::string_view path)
      : context_(context),
        reactor_(context.reactor),
        path_(path),
        places_(static_cast<std::size_t>(limits.heavy_works)) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() { give_place_back(); }

  template <auto Method, typename Owner>
  void bind(Owner& owner) {
    owner_ = &owner;
    done_ = [](void* to) { (static_cast<Owner*>(to)->*Method)(); };
  }

  /// The callback comes later, never from within.
  void start() {
    busy_ = true;
    begin();
  }
  /// Ends it early, with ECANCELED, once what is under way has ended. Does nothing to what is over, or nearly.
  void cancel() {
    if (!busy_) return;
    cancelled_ = true;
    stop();
  }

  bool busy() const { return busy_; }
  /// An errno value; 0: done.
  int error() const { return error_; }
  /// What was asked for. Its text is this object's.
  core::Outcome outcome() const { return {.error = error_, .number = number_, .text = text_, .range = range_}; }
  const core::TransferProgress& progress() const { return progress_; }
  const std::string& path() const { return path_; }

 protected:
  virtual void begin() = 0;
  /// Cancels what waits.
  virtual void stop() = 0;
  bool cancelled() const { return cancelled_; }
  /// A place among the heavy works, until the end. False: all are taken.
  bool take_place() {
    if (context_.heavy_works >= places_) return false;
    ++context_.heavy_works;
    has_place_ = true;
    return true;
  }
  /// Nothing is open or in flight any more. The callback may end the object's life soon: nothing follows.
  void finish(int error) {
    give_place_back();
    error_ = error;
    busy_ = false;
    done_(owner_);
  }

  Context& context_;
  io::Reactor& reactor_;
  std::uint64_t number_ = 0;
  std::string text_;
  core::OctetRange range_;
  core::TransferProgress progress_;

 private:
  void give_place_back() {
    if (std::exchange(has_place_, false)) --context_.heavy_works;
  }

  std::string path_;
  std::size_t places_;
  bool has_place_ = false;
  bool busy_ = false, cancelled_ = false;
  int error_ = 0;
  void* owner_ = nullptr;
  void (*done_)(void*) = nullptr;
};

/// Takes copies of what `spec` points to.
std::unique_ptr<Work> make_work(Context& context, const core::Config& config, std::shared_ptr<Root> root,
                                const core::WorkSpec& spec);

}  // namespace net
