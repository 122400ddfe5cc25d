// A signalfd that is polled and read.
#include "net/signals.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

namespace net {

void ignore_signals_of_calls() {
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);  // NOLINT: no function is set
}

Signals::Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, reopen_log_signal()}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ignore_signals_of_calls();
  fd_ = io::Fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  op_.bind<&Signals::on_poll_done>(*this);
}

void Signals::start(io::Reactor& reactor, std::function<void(int)> told) {
  reactor_ = &reactor;
  told_ = std::move(told);
  next();
}

void Signals::stop() {
  stopped_ = true;
  reactor_->cancel(op_);
}

void Signals::next() {
  op_.poll(fd_.get(), POLLIN);
  reactor_->submit(op_);
}

void Signals::on_poll_done(io::Op&) {
  signalfd_siginfo info;
  while (!stopped_ && read(fd_.get(), &info, sizeof info) == sizeof info) told_(static_cast<int>(info.ssi_signo));
  if (!stopped_) next();
}

}  // namespace net
