// The physical limit: the least that a process can do who moves files over FTP data connections.
//
//   limit ADDRESS PORT ROOT
//
// A process a session; canned replies; PASV or EPSV opens one listener a session, which is kept; RETR is open,
// accept, sendfile(2) until the end, close; STOR is open, accept, splice(2) through a pipe, close. No check, no
// limit, no timeout, no log: not a server to run, but what a server can be held against with the very client
// that measures all the others.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr size_t kAll = size_t{1} << 30;
constexpr int kPipeOctets = 1 << 20;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int listen_on(in_addr address, uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in name{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address, .sin_zero = {}};
  if (bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) fail("bind");
  if (listen(listener, 1024) != 0) fail("listen");
  return listener;
}

class Session {
 public:
  Session(int control, in_addr address, std::string root)
      : control_(control), address_(address), root_(std::move(root)) {}

  void run() {
    const int one = 1;
    setsockopt(control_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    reply("220 ready");
    std::string received;
    char octets[4096];
    for (ssize_t count; (count = recv(control_, octets, sizeof octets, 0)) > 0;) {
      received.append(octets, static_cast<size_t>(count));
      for (size_t end; (end = received.find("\r\n")) != std::string::npos; received.erase(0, end + 2)) {
        const std::string line = received.substr(0, end);
        const size_t blank = line.find(' ');
        if (!answer(line.substr(0, blank), blank == std::string::npos ? "" : line.substr(blank + 1))) return;
      }
    }
  }

 private:
  bool answer(std::string_view verb, const std::string& argument) {
    if (verb == "RETR")
      retrieve(argument);
    else if (verb == "STOR")
      store(argument);
    else if (verb == "EPSV" || verb == "PASV")
      passive(verb);
    else if (verb == "SIZE")
      size(argument);
    else if (verb == "USER")
      reply("331 password");
    else if (verb == "PASS")
      reply("230 in");
    else if (verb == "FEAT")
      reply("211-\r\n EPSV\r\n SIZE\r\n211 end");
    else if (verb == "CWD" || verb == "DELE")
      erase_or_enter(verb, argument);
    else
      reply(verb == "QUIT" ? "221 bye" : "200 yes");
    return verb != "QUIT";
  }

  void reply(std::string text) {
    text += "\r\n";
    if (send(control_, text.data(), text.size(), MSG_NOSIGNAL) < 0) std::exit(0);
  }

  std::string path(const std::string& name) const {
    return root_ + (name.starts_with('/') ? "" : directory_ + "/") + name;
  }

  void erase_or_enter(std::string_view verb, const std::string& name) {
    if (verb == "DELE")
      unlink(path(name).c_str());
    else
      directory_ = name.starts_with('/') ? name : directory_ + "/" + name;
    reply("250 done");
  }

  void passive(std::string_view verb) {
    if (listener_ < 0) listener_ = listen_on(address_, 0);
    sockaddr_in name{};
    socklen_t length = sizeof name;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &length);
    const unsigned port = ntohs(name.sin_port);
    if (verb == "EPSV") return reply("229 here (|||" + std::to_string(port) + "|)");
    std::string host = inet_ntoa(address_);
    for (char& letter : host) letter = letter == '.' ? ',' : letter;
    reply("227 here (" + host + "," + std::to_string(port / 256) + "," + std::to_string(port % 256) + ")");
  }

  void size(const std::string& name) {
    struct stat facts{};
    if (stat(path(name).c_str(), &facts) != 0) return reply("550 no");
    reply("213 " + std::to_string(facts.st_size));
  }

  void retrieve(const std::string& name) {
    const int file = open(path(name).c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return reply("550 no");
    reply("150 here it comes");
    const int data = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    while (sendfile(data, file, nullptr, kAll) > 0) {
    }
    close(data);
    close(file);
    reply("226 sent");
  }

  void store(const std::string& name) {
    const int file = open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return reply("553 no");
    if (pipe_[0] < 0) {
      if (pipe2(pipe_, O_CLOEXEC) != 0) fail("pipe2");
      fcntl(pipe_[1], F_SETPIPE_SZ, kPipeOctets);
    }
    reply("150 go on");
    const int data = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    for (ssize_t left; (left = splice(data, nullptr, pipe_[1], nullptr, kPipeOctets, SPLICE_F_MOVE)) > 0;) {
      while (left > 0) {
        const ssize_t moved = splice(pipe_[0], nullptr, file, nullptr, static_cast<size_t>(left), SPLICE_F_MOVE);
        if (moved <= 0) fail("splice");
        left -= moved;
      }
    }
    close(data);
    close(file);
    reply("226 stored");
  }

  int control_;
  in_addr address_;
  std::string root_;
  std::string directory_ = "";
  int listener_ = -1;
  int pipe_[2] = {-1, -1};
};

}  // namespace

int main(int count, char** arguments) {
  in_addr address{};
  if (count != 4 || inet_aton(arguments[1], &address) == 0) {
    std::fputs("usage: limit ADDRESS PORT ROOT\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, [](int) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  });  // waited for, so that their CPU counts
  const int listener = listen_on(address, static_cast<uint16_t>(std::atoi(arguments[2])));
  for (;;) {
    const int control = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (control < 0) continue;
    if (fork() == 0) {
      close(listener);
      Session(control, address, arguments[3]).run();
      return 0;
    }
    close(control);
  }
}
