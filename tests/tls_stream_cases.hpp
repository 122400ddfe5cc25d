// TLS as a layer, on each backend: what ops that were cancelled have done (io/op.hpp), and how a stream ends that is
// broken. Knows net::TlsStream and OpenSSL; must not know which backend it meets.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/tls_stream.hpp"
#include "tests/backend_cases.hpp"
#include "tests/certificates.hpp"

namespace backend_cases {

/// A TLS stream on one end of a pair of sockets, and a client on the other that moves only when it is told to.
struct SecuredPair {
  explicit SecuredPair(Lab& at) : lab(at), pair(at), client_context(SSL_CTX_new(TLS_client_method())) {
    static tests::Authority authority;
    static const tests::Issued own = authority.issue("localhost");
    core::Config config;
    config.tls.certificate = own.certificate;
    config.tls.key = own.key;
    context = net::TlsContext::make(config, net::TicketKeys::random(), false).value();
    stream.emplace(lab.reactor, context, pair.server, buffers, "");
    REQUIRE(stream->made());
    client = SSL_new(client_context);
    in = BIO_new(BIO_s_mem());
    out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(client, in, out);
    SSL_set_connect_state(client);
  }
  ~SecuredPair() {
    SSL_free(client);
    SSL_CTX_free(client_context);
    ERR_clear_error();
    CHECK(buffers.lent() == 0);
  }
  SecuredPair(const SecuredPair&) = delete;
  SecuredPair& operator=(const SecuredPair&) = delete;

  void shake_hands() {
    Task task = {};
    prepare(task).open_stream(pair.server);
    lab.start(task);
    lab.until([&] {
      SSL_do_handshake(client);
      flush();
      fill();
      return task.op.idle() && SSL_is_init_finished(client) == 1;
    });
    REQUIRE(task.result == 0);
  }
  io::Op& prepare(Task& task) {
    task.op.via = &*stream;
    return task.op;
  }
  void write(std::string_view octets) {
    REQUIRE(SSL_write(client, octets.data(), static_cast<int>(octets.size())) == static_cast<int>(octets.size()));
    flush();
    lab.linger(io::millisecond);
  }
  /// All that the client can make sense of.
  std::string read() {
    std::string all;
    std::vector<char> part(16'384);
    const auto take = [&] {
      for (int n; (n = SSL_read(client, part.data(), static_cast<int>(part.size()))) > 0;)
        all.append(part.data(), static_cast<std::size_t>(n));
      ERR_clear_error();
    };
    do {
      take();
    } while (fill() != 0);
    take();
    return all;
  }
  void flush() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    if (size <= 0) return;
    const std::int32_t sent = lab.backend.send_now(pair.client, {data, static_cast<std::size_t>(size)});
    REQUIRE(sent == size);
    BIO_reset(out);
  }
  /// What has come, or waits a little for it. 0: nothing does, or it is the end.
  std::size_t fill() {
    std::vector<char> octets(1 << 18);
    std::int32_t came = lab.backend.receive_now(pair.client, octets);
    if (came == -EAGAIN) {
      lab.linger(2 * io::millisecond);
      came = lab.backend.receive_now(pair.client, octets);
    }
    if (came <= 0) return 0;
    BIO_write(in, octets.data(), came);
    return static_cast<std::size_t>(came);
  }
  /// Each op that a broken stream is asked for ends with an error, and nothing of it counts.
  void expect_broken(int file) {
    std::array<char, 16> into{};
    const std::function<void(io::Op&)> all[] = {
        [&](io::Op& op) { op.send(pair.server, std::string_view("more")); },
        [&](io::Op& op) { op.send_file(pair.server, file, 0, 100); },
        [&](io::Op& op) { op.recv(pair.server, into); },
        [&](io::Op& op) { op.recv_file(pair.server, file, 0, 16); },
        [&](io::Op& op) { op.end_stream(pair.server); },
        [&](io::Op& op) { op.open_stream(pair.server); },
    };
    for (const auto& ask : all) {
      Task task;
      ask(prepare(task));
      INFO(to_string(task.op.kind));
      CHECK(lab.run(task) < 0);
      CHECK_FALSE(task.op.file_failed);
    }
    stream->end_now();
    CHECK(stream->inbound() == io::Inbound::ended);
  }

  Lab& lab;
  Pair pair;
  io::BufferPool buffers{256 * 1024, 2};
  std::shared_ptr<const net::TlsContext> context;
  std::optional<net::TlsStream> stream;
  SSL_CTX* client_context;
  SSL* client;
  BIO *in, *out;
};

inline void a_cancelled_send_breaks_its_tls_stream(World& world) {
  Lab lab(world);
  const int file = lab.create("file");
  const std::string octets = pattern(1 << 20);
  lab.write(file, octets);
  for (const bool of_file : {false, true}) {
    SecuredPair secured(lab);
    secured.shake_hands();
    Task sending;
    secured.prepare(sending);
    std::string sent;
    const std::size_t count = send_until_it_waits(lab, sending, [&](io::Op& op) {
      sent += octets.substr(0, static_cast<std::size_t>(std::max(sending.result, 0)));
      if (of_file) {
        op.send_file(secured.pair.server, file, 0, octets.size());
      } else {
        op.send(secured.pair.server, octets);
      }
    });
    expect_cancel(lab, sending);
    CHECK(sent.size() == count);
    secured.expect_broken(file);
    lab.backend.shutdown_send(secured.pair.server);
    const std::string got = secured.read();
    CHECK(got.size() >= count);             // what was said to be sent is
    CHECK(got.size() < count + 64 * 1024);  // and what came behind it is cut
    CHECK((got == (sent + octets).substr(0, got.size())));
  }
  lab.close(file);
  lab.remove("file");
}

// Nothing was encrypted yet, and the socket takes all: a result says how much, and the stream goes on.
inline void a_cancelled_send_file_of_nothing_leaves_the_tls_stream(World& world) {
  Lab lab(world);
  const int file = lab.create("file");
  lab.write(file, "octets");
  for (int moment = 0; moment < cancel_moments; ++moment) {
    SecuredPair secured(lab);
    secured.shake_hands();
    Task sending;
    secured.prepare(sending).send_file(secured.pair.server, file, 0, 6);
    const std::int32_t result = start_and_cancel(lab, sending, moment);
    CHECK((result == 6 || result == -ECANCELED));
    secured.prepare(sending).send(secured.pair.server, std::string_view("more"));
    CHECK(lab.run(sending) == 4);
    CHECK(secured.read() == (result == 6 ? "octetsmore" : "more"));
  }
  lab.close(file);
  lab.remove("file");
}

inline void a_cancelled_recv_leaves_the_tls_stream(World& world) {
  Lab lab(world);
  io::BufferPool pool(64, 1);
  std::array<char, 64> into{};
  for (int moment = 0; moment < cancel_moments; ++moment) {
    for (int kind = 0; kind < 3; ++kind) {
      for (const bool there : {true, false}) {
        const int file = lab.create("file");
        SecuredPair secured(lab);
        secured.shake_hands();
        if (there) secured.write("octets");
        Task task;
        if (kind == 0) secured.prepare(task).recv(secured.pair.server, into);
        if (kind == 1) secured.prepare(task).recv_lent(secured.pair.server, pool);
        if (kind == 2) secured.prepare(task).recv_file(secured.pair.server, file, 0, 64);
        const std::int32_t result = start_and_cancel(lab, task, moment);
        CHECK(((there && result == 6) || result == -ECANCELED));
        if (kind == 1 && result > 0) pool.give_back(task.op.data);
        CHECK(lab.read(file) == (kind == 2 && result > 0 ? "octets" : ""));
        secured.write("more");
        secured.prepare(task).recv(secured.pair.server, into);
        CHECK(lab.run(task) > 0);
        CHECK((task.result == 4 || (there && result < 0)));
        secured.prepare(task).send(secured.pair.server, std::string_view("back"));
        CHECK(lab.run(task) == 4);
        CHECK(secured.read() == "back");
        lab.close(file);
      }
    }
  }
  lab.remove("file");
}

inline void a_cancelled_handshake_or_end_breaks_its_tls_stream(World& world) {
  Lab lab(world);
  const int file = lab.create("file");
  lab.write(file, "octets");
  {
    SecuredPair secured(lab);
    Task opening;
    secured.prepare(opening).open_stream(secured.pair.server);
    lab.start(opening);
    SSL_do_handshake(secured.client);
    secured.flush();
    lab.linger(5 * io::millisecond);
    expect_cancel(lab, opening);
    secured.expect_broken(file);
  }
  {
    SecuredPair secured(lab);
    secured.shake_hands();
    const std::string fill(1 << 16, 'x');
    do {
      while (lab.backend.send_now(secured.pair.server, fill) > 0) {
      }
      lab.linger(5 * io::millisecond);
    } while (lab.backend.send_now(secured.pair.server, fill) > 0);
    Task ending;
    secured.prepare(ending).end_stream(secured.pair.server);
    lab.start(ending);
    lab.linger(5 * io::millisecond);
    expect_cancel(lab, ending);
    secured.expect_broken(file);
  }
  lab.close(file);
  lab.remove("file");
}

inline constexpr Case tls_cases[] = {
    {"a cancelled send breaks its TLS stream", a_cancelled_send_breaks_its_tls_stream},
    {"a cancelled send_file of nothing leaves the TLS stream", a_cancelled_send_file_of_nothing_leaves_the_tls_stream},
    {"a cancelled recv leaves the TLS stream", a_cancelled_recv_leaves_the_tls_stream},
    {"a cancelled handshake or end breaks its TLS stream", a_cancelled_handshake_or_end_breaks_its_tls_stream},
};

}  // namespace backend_cases
