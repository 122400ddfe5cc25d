// uploads.publish: what may be seen of an upload, and when. Not in any RFC: what users of a file host need.
#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;

namespace {

std::size_t count_files(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

}  // namespace

TEST_CASE("an upload is unseen until it is whole", "[live]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("atomic", "durable")});
  const string content = noise(1'000'000);
  FtpClient client = logged_in(server), reader = logged_in(server);
  Socket data = client.passive();
  client.begin("STOR file");
  data.send(content);
  CHECK(reader.fetch("NLST -a").empty());
  CHECK(reader.fetch("LIST -a").empty());
  reader.ask("SIZE file", 550);
  reader.ask("RETR file", 550);
  data.close();
  client.reply(226);
  CHECK(reader.retrieve("file") == content);
  CHECK(count_files(server.root()) == 1);
}

TEST_CASE("old content stays until the new one is whole", "[live][SV-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("atomic", "durable")});
  write_file(server.root() / "file", "old content");
  FtpClient client = logged_in(server), reader = logged_in(server);
  Socket data = client.passive();
  client.begin("STOR file");
  data.send("new");
  CHECK(reader.retrieve("file") == "old content");
  SECTION("the upload ends well") {
    data.close();
    client.reply(226);
    CHECK(reader.retrieve("file") == "new");
  }
  SECTION("the data connection breaks") {
    data.reset();
    client.reply(426);
    CHECK(reader.retrieve("file") == "old content");
  }
  SECTION("ABOR") {
    client.send("ABOR");
    client.reply(426);
    client.reply(226);
    CHECK(reader.retrieve("file") == "old content");
  }
  SECTION("the client vanishes") {
    data.reset();
    client.control().reset();
    CHECK(eventually([&] { return count_files(server.root()) == 1; }));
    CHECK(reader.retrieve("file") == "old content");
  }
  CHECK(count_files(server.root()) == 1);
}

TEST_CASE("no temporary file stays of an upload that never began", "[live]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"),
                           .publish = GENERATE("atomic", "durable"),
                           .settings = {"data.connect_timeout_s = 1"}});
  {
    FtpClient client = logged_in(server);
    client.epsv();
    client.ask("STOR file", 150);
    client.reply(425);
    CHECK(count_files(server.root()) == 0);
    client.epsv();
    client.ask("STOU", 150);
    client.control().reset();
  }
  CHECK(eventually([&] { return count_files(server.root()) == 0; }));
}

TEST_CASE("two uploads to one name: one of them is there, whole", "[live]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("atomic", "durable")});
  const string one = noise(500'000), two = noise(400'000);
  FtpClient first = logged_in(server), second = logged_in(server);
  Socket first_data = first.passive(), second_data = second.passive();
  first.begin("STOR file");
  second.begin("STOR file");
  first_data.send(one.substr(0, 1000));
  second_data.send(two);
  second_data.close();
  second.reply(226);
  CHECK(read_file(server.root() / "file") == two);
  first_data.send(one.substr(1000));
  first_data.close();
  first.reply(226);
  CHECK(read_file(server.root() / "file") == one);
  CHECK(count_files(server.root()) == 1);
}

TEST_CASE("a direct upload is seen while it grows", "[live]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server), reader = logged_in(server);
  Socket data = client.passive();
  client.begin("STOR file");
  data.send("the begin");
  CHECK(eventually([&] { return read_file(server.root() / "file") == "the begin"; }));
  CHECK(reader.retrieve("file") == "the begin");
  data.send(" and the end");
  data.close();
  client.reply(226);
  CHECK(reader.retrieve("file") == "the begin and the end");
}
