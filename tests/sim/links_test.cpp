// Symbolic links as clients meet them, moves to another file system, and roots: which object a command is about.
// RFC 3659 7.5.1, RFC 959 4.1.3.
#include <string>

#include "tests/catch.hpp"
#include "tests/sim/site.hpp"

namespace {

using Site = sim::FileSite;
using Visitor = sim::FileVisitor;
using std::string;

constexpr std::int64_t second = 1'000'000'000;

/// Behind "work" lies "kept", which links of all kinds lead to or past.
void make_links(Site& site) {
  sim::SimFiles& files = site.files();
  files.make_file("/srv/kept/file", "12345");
  files.set_modified("/srv/kept/file", 1'000'000'000 * second);
  files.make_file("/secret/file", "classified");
  files.make_symlink("/srv/work/dir", "../kept");
  files.make_symlink("/srv/work/self", ".");
  files.make_symlink("/srv/work/file", "../kept/file");
  files.make_symlink("/srv/work/gone", "../kept/gone");
  files.make_symlink("/srv/work/loop", "loop");
  files.make_symlink("/srv/work/out", "../../secret");
  files.make_symlink("/srv/work/far", "/secret/file");
  files.make_symlink("/srv/work/odd", "../kept/a b;c");
}

/// The line of a listing that ends with " name" or holds " name -> ".
string line_of(const string& text, const string& name) {
  for (std::size_t at = 0, end = 0; (end = text.find("\r\n", at)) != string::npos; at = end + 2) {
    const string line = text.substr(at, end - at);
    if (line.ends_with(" " + name) || line.find(" " + name + " -> ") != string::npos) return line;
  }
  return "(none)";
}

}  // namespace

// ---- Listings ----

TEST_CASE("LIST shows links as links, and of their targets what the user may see", "[sim][links][SV-14]") {
  Site site;
  make_links(site);
  Visitor& client = site.visitor();
  const string text = client.fetch("LIST /work");
  for (const char* name : {"dir", "self", "file", "gone", "loop", "out", "far", "odd"}) {
    INFO(text);
    CHECK(line_of(text, name).starts_with("lrwxrwxrwx "));
  }
  CHECK(line_of(text, "dir").ends_with(" dir -> ../kept"));
  CHECK(line_of(text, "gone").ends_with(" gone -> ../kept/gone"));
  CHECK(line_of(text, "loop").ends_with(" loop -> loop"));
  CHECK(line_of(text, "odd").ends_with(" odd -> ../kept/a b;c"));
  CHECK(text.find("secret") == string::npos);
  CHECK(line_of(client.fetch("LIST -d /work/dir"), "/work/dir").starts_with("lrwxrwxrwx "));
  CHECK(line_of(client.fetch("LIST /work/file"), "/work/file").starts_with("-rw"));
  CHECK(line_of(client.fetch("LIST /work/dir"), "file").starts_with("-rw"));  // who names it enters it
}

TEST_CASE("MLSD has a type for links; size and time are the file's that one leads to", "[sim][links][ML-08]") {
  Site site;
  make_links(site);
  Visitor& client = site.visitor();
  CHECK(client.ask("OPTS MLST type;size;modify;perm;") == 200);
  const string text = client.fetch("MLSD /work");
  INFO(text);
  CHECK(line_of(text, "dir").starts_with("type=OS.unix=slink:../kept;modify="));
  CHECK(line_of(text, "self").starts_with("type=OS.unix=slink:.;modify="));
  CHECK(line_of(text, "file") == "type=OS.unix=slink:../kept/file;size=5;modify=20010909014640;perm=df; file");
  CHECK(line_of(text, "gone").starts_with("type=OS.unix=slink:../kept/gone;modify="));
  CHECK(line_of(text, "out").starts_with("type=OS.unix=slink;modify="));
  CHECK(line_of(text, "far").starts_with("type=OS.unix=slink;modify="));
  CHECK(line_of(text, "odd").starts_with("type=OS.unix=slink;modify="));  // a fact has neither blanks nor semicolons
  CHECK(text.find("secret") == string::npos);
}

TEST_CASE("what lists a tree goes through no link", "[sim][links]") {
  Site site;
  make_links(site);
  Visitor& client = site.visitor();
  for (const char* command : {"LIST -R /work", "NLST -R /work", "MLSR /work"}) {
    const string text = client.fetch(command);
    INFO(command << '\n' << text);
    CHECK(text.find("self/") == string::npos);
    CHECK(text.find("dir/") == string::npos);
    CHECK(text.find("self") != string::npos);
  }
}

TEST_CASE("a listing that is kept follows what becomes of links", "[sim][links]") {
  Site site;
  make_links(site);
  Visitor& client = site.visitor();
  CHECK(client.ask("OPTS MLST type;size;") == 200);
  for (int i = 0; i < 3; ++i) CHECK(line_of(client.fetch("MLSD /work"), "file").find("size=5;") != string::npos);
  site.files().make_file("/srv/kept/file", "1234567");
  CHECK(line_of(client.fetch("MLSD /work"), "file").find("size=7;") != string::npos);
  site.files().make_symlink("/srv/work/file", "../../secret/file");
  CHECK(line_of(client.fetch("MLSD /work"), "file") == "type=OS.unix=slink; file");
}

TEST_CASE("a directory that can be read and not searched shows its names", "[sim][links][ML-04]") {
  Site site;
  site.files().make_file("/srv/names/file", "x");
  site.files().make_directory("/srv/names/dir");
  site.files().set_mode("/srv/names", 0600);
  Visitor& client = site.visitor();
  const string text = client.fetch("MLSD /names");
  CHECK(line_of(text, "file") == "type=file; file");
  CHECK(line_of(text, "dir") == "type=dir; dir");
  CHECK(line_of(client.fetch("LIST /names"), "dir").starts_with("d--------- "));
  CHECK(client.fetch("NLST /names").find("file\r\n") != string::npos);
  CHECK(client.ask("CWD /names") == 550);
  CHECK(client.ask("PWD") == 257);
  CHECK(client.text().starts_with("\"/\""));
}

// ---- Commands on links ----

TEST_CASE("commands follow links that lead somewhere", "[sim][links]") {
  Site site;
  make_links(site);
  Visitor& client = site.visitor();
  CHECK(client.ask("TYPE I") == 200);
  CHECK(client.ask("SIZE /work/file") == 213);
  CHECK(client.text() == "5");
  CHECK(client.ask("MDTM /work/file") == 213);
  CHECK(client.text() == "20010909014640");
  CHECK(client.ask("MLST /work/dir") == 250);
  CHECK(client.lines()[1].starts_with(" type=dir;"));
  CHECK(client.fetch("RETR /work/dir/file") == "12345");
  CHECK(client.ask("MFMT 20020304050607 /work/file") == 213);
  CHECK(site.files().find("/srv/kept/file")->modified != 1'000'000'000 * second);
  CHECK(client.ask("CWD /work/dir") == 250);
}

TEST_CASE("a link that leads nowhere is itself an object", "[sim][links]") {
  const string name = GENERATE("gone", "loop", "out", "far");
  Site site;
  make_links(site);
  Visitor& client = site.visitor();
  const string path = "/work/" + name;
  CHECK(client.ask("MLST " + path) == 250);
  INFO(client.lines()[1]);
  CHECK(client.lines()[1].starts_with(" type=OS.unix=slink"));
  CHECK(client.lines()[1].find("secret") == string::npos);
  CHECK((client.lines()[1].find("slink:") != string::npos) == (name == "gone" || name == "loop"));
  CHECK(client.ask("MFMT 20020304050607 " + path) == 213);
  CHECK(site.files().find("/srv" + path)->modified == 1'015'218'367 * second);
  for (const char* verb : {"SIZE ", "MDTM ", "CWD ", "STAT ", "SITE CPFR "}) CHECK(client.ask(verb + path) == 550);
  CHECK(client.fetch("RETR " + path) == "550");
  CHECK(client.ask("RNFR " + path) == 350);
  CHECK(client.ask("RNTO /work/moved") == 250);
  CHECK(site.files().find("/srv/work/moved")->type == sim::Node::Type::symlink);
  CHECK(client.ask("DELE /work/moved") == 250);
  CHECK_FALSE(site.files().exists("/srv/work/moved"));
  CHECK(client.ask("MLST " + path) == 550);
}

TEST_CASE("RNFR takes the link and leaves what it leads to", "[sim][links]") {
  Site site;
  make_links(site);
  Visitor& client = site.visitor();
  CHECK(client.ask("RNFR /work/dir") == 350);
  CHECK(client.ask("RNTO /work/other") == 250);
  CHECK(site.files().find("/srv/work/other")->type == sim::Node::Type::symlink);
  CHECK(client.ask("DELE /work/other") == 250);
  CHECK(site.content("/kept/file") == "12345");
}

TEST_CASE("what names the root is told so", "[sim][links]") {
  Site site;
  site.files().make_file("/srv/file", "x");
  Visitor& client = site.visitor();
  for (const char* line : {"RNFR /", "RMD /", "RMDA /"}) {
    CHECK(client.ask(line) == 550);
    CHECK(client.text() == "The root stays.");
  }
  CHECK(client.ask("MKD /") == 550);
  CHECK(client.text() == "The name exists already.");
  CHECK(client.ask("DELE /") == 550);
  CHECK(client.ask("RNFR /file") == 350);
  CHECK(client.ask("RNTO /") == 553);
  CHECK(client.text() == "The name exists already.");
  CHECK(site.content("/file") == "x");
}
