// Everything that the server says in words, a row a text and a column a language (RFC 2640 4.1). The English text is
// the key: `reply(Code::okay, "Command okay.")` finds its row while it is compiled. Places for arguments are "{}" in
// the order of the call, or "{0}", "{1}" where a language wants another order. phrases.cpp checks that every row is
// whole. Included by those who write texts, not by headers.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>

#include "core/phrase.hpp"

namespace core {

// clang-format off
/// Column: Language.
inline constexpr std::string_view phrase_rows[][language_count] = {
  // The connection.
  {"The server is shutting down.", "Der Server wird beendet."},
  {"Too many sessions; try again later.", "Zu viele Sitzungen; bitte später noch einmal."},
  {"Too many sessions from your address; try again later.", "Zu viele Sitzungen von dieser Adresse; bitte später noch einmal."},
  {"No descriptor is free; try again later.", "Kein Deskriptor ist frei; bitte später noch einmal."},
  {"You did not log in in time.", "Keine Anmeldung in der vorgesehenen Zeit."},
  {"Too many log ins are waiting; try again later.", "Zu viele Anmeldungen warten; bitte später noch einmal."},
  {"Idle for too long; good-bye.", "Zu lange untätig; auf Wiedersehen."},
  {"Good-bye.", "Auf Wiedersehen."},

  // Any command.
  {"The command line is too long.", "Die Befehlszeile ist zu lang."},
  {"Command not recognised.", "Unbekannter Befehl."},
  {"Command not implemented.", "Dieser Befehl ist nicht vorhanden."},
  {"Command okay.", "Befehl ausgeführt."},
  {"Syntax: {} {}", "Syntax: {} {}"},
  {"{} takes no argument.", "{} hat kein Argument."},
  {"Log in with USER and PASS first.", "Zuerst mit USER und PASS anmelden."},
  {"Need account for storing files; send ACCT.", "Zum Speichern ist ein Konto nötig: ACCT senden."},

  // Login.
  {"User name okay, need password.", "Benutzername in Ordnung, Passwort nötig."},
  {"No password is needed.", "Ein Passwort ist nicht nötig."},
  {"Send USER first.", "Zuerst USER senden."},
  {"Send USER and PASS first.", "Zuerst USER und PASS senden."},
  {"Need account for login.", "Zur Anmeldung ist ein Konto nötig."},
  {"No account is needed.", "Ein Konto ist nicht nötig."},
  {"Account accepted; you may store files.", "Konto angenommen; Dateien dürfen gespeichert werden."},
  {"Your directory cannot be opened now.", "Das Verzeichnis lässt sich zurzeit nicht öffnen."},
  {"User {} logged in.", "Benutzer {} ist angemeldet."},
  {"The password cannot be verified now; try again later.", "Das Passwort lässt sich zurzeit nicht prüfen; bitte später noch einmal."},
  {"Login incorrect.", "Anmeldung falsch."},
  {"Too many failed logins.", "Zu viele falsche Anmeldungen."},
  {"Service ready for new user.", "Bereit für einen neuen Benutzer."},

  // Host and language. What LANG answers names the language that it is in.
  {"HOST comes before the login; send REIN first.", "HOST gehört vor die Anmeldung; zuerst REIN senden."},
  {"Wanted: a host name, an IPv4 address, or an IPv6 address in brackets; no port.", "Gesucht: ein Hostname, eine IPv4-Adresse oder eine IPv6-Adresse in eckigen Klammern; kein Port."},
  {"The TLS handshake was for another host.", "Der TLS-Handshake galt einem anderen Host."},
  {"There is no such host here.", "Diesen Host gibt es hier nicht."},
  {"That host is not available now; try again later.", "Dieser Host ist zurzeit nicht erreichbar; bitte später noch einmal."},
  {"Wanted: a language tag, such as EN or DE.", "Gesucht: ein Sprachkürzel wie EN oder DE."},
  {"That language is not spoken here; FEAT lists those that are.", "Diese Sprache gibt es hier nicht; FEAT nennt die vorhandenen."},
  {"Replies are in English from now on.", "Die Antworten sind ab jetzt deutsch."},

  // Security.
  {"There is no TLS here.", "Hier gibt es kein TLS."},
  {"No TLS handshake was begun.", "Ein TLS-Handshake hat nicht begonnen."},
  {"The only mechanism is TLS.", "Das einzige Verfahren ist TLS."},
  {"The connection is under TLS already.", "Die Verbindung ist schon unter TLS."},
  {"The connection is not under TLS.", "Die Verbindung ist nicht unter TLS."},
  {"TLS cannot begin now; try again later.", "TLS kann zurzeit nicht beginnen; bitte später noch einmal."},
  {"Begin the TLS handshake.", "Der TLS-Handshake kann beginnen."},
  {"Send AUTH TLS first.", "Zuerst AUTH TLS senden."},
  {"Send AUTH TLS and PBSZ first.", "Zuerst AUTH TLS und PBSZ senden."},
  {"Wanted: a number below 2^32.", "Gesucht: eine Zahl unter 2^32."},
  {"TLS has the levels C and P alone.", "TLS kennt nur die Stufen C und P."},
  {"The levels are C and P.", "Die Stufen sind C und P."},
  {"Data connections must be protected; send PROT P.", "Datenverbindungen müssen geschützt sein: PROT P senden."},
  {"Data connections are private.", "Datenverbindungen sind verschlüsselt."},
  {"Data connections are clear.", "Datenverbindungen sind unverschlüsselt."},
  {"CCC is not allowed here.", "CCC ist hier nicht erlaubt."},
  {"Not before you have logged in.", "Nicht vor der Anmeldung."},
  {"The control connection is clear from here on.", "Die Steuerverbindung ist ab hier unverschlüsselt."},
  {"The data connection must be protected; send AUTH, PBSZ and PROT P.", "Die Datenverbindung muss geschützt sein: AUTH, PBSZ und PROT P senden."},

  // Directories and structures.
  {"Directory is now {}.", "Das Verzeichnis ist jetzt {}."},
  {"{} is the current directory.", "{} ist das aktuelle Verzeichnis."},
  {"{} created.", "{} ist angelegt."},
  {"You have one file system structure, and it is mounted.", "Es gibt nur ein Dateisystem, und es ist eingehängt."},
  {"No such structure.", "Dieses Dateisystem gibt es nicht."},
  {"Structure mounted; the directory is \"/\".", "Dateisystem eingehängt; das Verzeichnis ist \"/\"."},

  // Transfer parameters. Clients read what stands in parentheses.
  {"Only EPSV is taken after EPSV ALL.", "Nach EPSV ALL wird nur noch EPSV angenommen."},
  {"Only EPSV from now on.", "Ab jetzt nur noch EPSV."},
  {"Active mode is switched off; use EPSV.", "Aktive Datenverbindungen sind abgeschaltet; EPSV nehmen."},
  {"That address is not yours.", "Diese Adresse ist nicht die eigene."},
  {"Ports below 1024 are refused.", "Ports unter 1024 werden abgelehnt."},
  {"Six numbers from 0 to 255 are wanted: h1,h2,h3,h4,p1,p2.", "Gesucht: sechs Zahlen von 0 bis 255: h1,h2,h3,h4,p1,p2."},
  {"Wanted: |family|address|port|.", "Gesucht: |Familie|Adresse|Port|."},
  {"Wanted: 1, 2 or ALL.", "Gesucht: 1, 2 oder ALL."},
  {"Network protocol not supported, use ({})", "Dieses Netzprotokoll gibt es hier nicht, möglich: ({})"},
  {"PASV has no form for IPv6; use EPSV.", "PASV hat keine Form für IPv6; EPSV nehmen."},
  {"No passive port is free; try again.", "Kein passiver Port ist frei; bitte noch einmal."},
  {"Entering Passive Mode ({}).", "Passivmodus ({})."},
  {"Entering Extended Passive Mode (|||{}|)", "Erweiterter Passivmodus (|||{}|)"},
  {"Wanted: A, E (with N, T or C behind it, or nothing), I, or L and a byte size.", "Gesucht: A, E (dahinter N, T, C oder nichts), I, oder L und eine Bytegröße."},
  {"Bytes have 1 to {} bits here.", "Bytes haben hier 1 bis {} Bits."},
  {"Types A, E, I and L are implemented.", "Vorhanden sind die Typen A, E, I und L."},
  {"Type is {}.", "Der Typ ist {}."},
  {"Wanted: one letter.", "Gesucht: ein Buchstabe."},
  {"Structures F, R and P are implemented.", "Vorhanden sind die Strukturen F, R und P."},
  {"Structure is {}.", "Die Struktur ist {}."},
  {"These modes are implemented: {}.", "Vorhanden sind diese Modi: {}."},
  {"Send FEAT first, which lists modes B and C.", "Zuerst FEAT senden, das die Modi B und C nennt."},
  {"Mode is {}.", "Der Modus ist {}."},

  // Transfers.
  {"This TYPE and STRU do not go together.", "Dieser TYPE und diese STRU passen nicht zusammen."},
  {"Data connection already open", "Datenverbindung ist schon offen"},
  {"Opening data connection", "Datenverbindung wird geöffnet"},
  // Clients read the size out of the parentheses, by the word behind it.
  {"{} for {} ({} bytes).", "{} für {} ({} bytes)."},
  {"Transfer complete.", "Übertragung vollständig."},
  {"Can't open data connection.", "Die Datenverbindung lässt sich nicht öffnen."},
  {"The TLS handshake on the data connection failed.", "Der TLS-Handshake der Datenverbindung ist gescheitert."},
  {"The data connection must resume the TLS session of the control connection.", "Die Datenverbindung muss die TLS-Sitzung der Steuerverbindung wiederaufnehmen."},
  {"Transfer aborted.", "Übertragung abgebrochen."},
  {"The data connection moved nothing for too long; transfer aborted.", "Auf der Datenverbindung kam zu lange nichts; Übertragung abgebrochen."},
  {"The data connection broke; transfer aborted.", "Die Datenverbindung ist abgerissen; Übertragung abgebrochen."},
  {"Abort successful.", "Abgebrochen."},
  {"Aborted.", "Abgebrochen."},
  {"Wanted: octets, or octets R octets.", "Gesucht: Oktette, oder Oktette R Oktette."},
  {"A transfer is refused if so much does not fit.", "Passt so viel nicht hinein, wird die Übertragung abgelehnt."},
  {"Wanted: a marker of this server.", "Gesucht: eine Marke dieses Servers."},
  {"Wanted: a number of octets.", "Gesucht: eine Anzahl von Oktetten."},
  {"Restarting at {}. Send RETR or STOR.", "Weiter geht es bei {}. RETR oder STOR senden."},

  // Ranges, digests, MODE Z.
  {"Wanted: the first octet and the last one.", "Gesucht: das erste und das letzte Oktett."},
  {"The whole file again.", "Wieder die ganze Datei."},
  {"The range ends before it begins; the whole file again.", "Der Bereich endet, bevor er beginnt; wieder die ganze Datei."},
  {"Ranges are for TYPE I, STRU F and MODE S.", "Bereiche gibt es in TYPE I, STRU F und MODE S."},
  {"The digest of a directory is not defined.", "Die Prüfsumme eines Verzeichnisses ist nicht bestimmt."},
  {"The range lies beyond the end of the file.", "Der Bereich liegt hinter dem Ende der Datei."},
  {"That is more than is hashed here.", "Das ist mehr, als hier geprüft wird."},
  {"Unknown algorithm, current selection not changed.", "Unbekanntes Verfahren; es bleibt beim bisherigen."},
  {"MODE Z {} is not available.", "MODE Z {} gibt es hier nicht."},
  {"MODE Z {} {} is invalid.", "MODE Z {} {} ist ungültig."},
  {"MODE Z options are the defaults.", "Die Optionen von MODE Z sind die üblichen."},
  {"The stream becomes too much for its size; use MODE S.", "Aus dem Strom wird zu viel für seine Größe; MODE S nehmen."},

  // Files.
  {"Send RNTO with the new name.", "RNTO mit dem neuen Namen senden."},
  {"Send RNFR first.", "Zuerst RNFR senden."},
  {"File action okay, completed.", "Dateibefehl ausgeführt."},
  {"The size is known in MODE S and Z, and STRU F or R.", "Die Größe ist in MODE S und Z und STRU F oder R bekannt."},
  {"Too large to be counted so; use TYPE I and STRU F.", "Zu groß, um so gezählt zu werden; TYPE I und STRU F nehmen."},
  {"Listing follows.", "Es folgt die Auskunft."},
  {"End.", "Ende."},

  // Facts, trees and copies.
  {"Wanted: YYYYMMDDhhmmss, a date that there is, and a pathname.", "Gesucht: YYYYMMDDhhmmss, ein Datum, das es gibt, und ein Pfad."},
  {"No such fact can be set: {}", "Das lässt sich nicht setzen: {}"},
  {"Wanted: name=value; for each fact, and a pathname.", "Gesucht: Name=Wert; für jede Angabe, und ein Pfad."},
  {"Only files can be moved to another file system.", "Nur Dateien lassen sich in ein anderes Dateisystem verschieben."},
  {"The root stays.", "Die Wurzel bleibt."},
  {"Wanted: a target and its parts, each in double quotes.", "Gesucht: ein Ziel und seine Teile, jedes in Anführungszeichen."},
  {"No file can be in it twice.", "Keine Datei kann zweimal darin sein."},
  {"Noted.", "Vermerkt."},
  {"Not a transfer command.", "Kein Befehl, der etwas überträgt."},
  {"{} may come.", "{} kann kommen."},

  // SITE.
  {"Syntax: SITE {} {}", "Syntax: SITE {} {}"},
  {"Wanted: an octal mode up to 0777, and a pathname.", "Gesucht: Rechte als Oktalzahl bis 0777, und ein Pfad."},
  {"Wanted: YYYYMMDDhhmm[ss] and a pathname, or a pathname, three times and UTC.", "Gesucht: YYYYMMDDhhmm[ss] und ein Pfad, oder ein Pfad, drei Zeiten und UTC."},
  {"The directory is there.", "Das Verzeichnis ist da."},
  {"Wanted: what the link leads to, and its name; names with blanks in double quotes.", "Gesucht: wohin der Verweis führt, und sein Name; Namen mit Leerzeichen in Anführungszeichen."},
  {"Only files are copied.", "Nur Dateien werden kopiert."},
  {"Send SITE CPTO with the name of the copy.", "SITE CPTO mit dem Namen der Kopie senden."},
  {"Send SITE CPFR first.", "Zuerst SITE CPFR senden."},
  {"Wanted: 1 to {} seconds.", "Gesucht: 1 bis {} Sekunden."},
  {"There is no idle limit; it may be 1 to {} seconds.", "Es gibt keine Grenze für Untätigkeit; möglich sind 1 bis {} Sekunden."},
  {"The idle limit is {} seconds; it may be 1 to {}.", "Untätig sein darf man {} Sekunden; möglich sind 1 bis {}."},
  {"Wanted: an octal mask up to 0777.", "Gesucht: eine Maske als Oktalzahl bis 0777."},
  {"There is no umask: files get {}, directories {}.", "Es gilt keine umask: Dateien bekommen {}, Verzeichnisse {}."},
  {"The umask is {}: files get {}, directories {}.", "Die umask ist {}: Dateien bekommen {}, Verzeichnisse {}."},
  {"Sessions: number, user, address, command.", "Sitzungen: Nummer, Benutzer, Adresse, Befehl."},
  {"{} sessions; {} are shown.", "{} Sitzungen; {} sind gezeigt."},
  {"{} sessions, of this worker alone; {} are shown.", "{} Sitzungen, nur die dieses Prozesses; {} sind gezeigt."},
  {"Wanted: the number of a session, from SITE WHO.", "Gesucht: die Nummer einer Sitzung, aus SITE WHO."},
  {"That is this session; send QUIT.", "Das ist diese Sitzung; QUIT senden."},
  {"There is no such session here.", "Diese Sitzung gibt es hier nicht."},
  {"The session is ended.", "Die Sitzung ist beendet."},
  {"Ended by an administrator.", "Von der Verwaltung beendet."},

  {"Control characters are not allowed in new names.", "Steuerzeichen sind in neuen Namen nicht erlaubt."},
  {"NLST cannot show names with control characters.", "NLST kann keine Namen mit Steuerzeichen zeigen."},

  // What the file system says.
  {"No such file or directory.", "Diese Datei oder dieses Verzeichnis gibt es nicht."},
  {"Not a directory.", "Kein Verzeichnis."},
  {"Permission denied.", "Keine Berechtigung."},
  {"Read-only file system.", "Das Dateisystem ist nur lesbar."},
  {"The name exists already.", "Den Namen gibt es schon."},
  {"It is a directory.", "Das ist ein Verzeichnis."},
  {"The directory is not empty.", "Das Verzeichnis ist nicht leer."},
  {"The path leads out of your root.", "Der Pfad führt aus dem eigenen Bereich hinaus."},
  {"Too many symbolic links.", "Zu viele symbolische Verweise."},
  {"The name is too long.", "Der Name ist zu lang."},
  {"The name is not possible here.", "Der Name ist hier nicht möglich."},
  {"Not a regular file.", "Keine gewöhnliche Datei."},
  {"The restart point lies beyond the end of the file.", "Der Aufsetzpunkt liegt hinter dem Ende der Datei."},
  {"The file is too large.", "Die Datei ist zu groß."},
  {"Quota exceeded.", "Das Kontingent ist erschöpft."},
  {"No space left.", "Kein Platz mehr."},
  {"The file is busy.", "Die Datei ist belegt."},
  {"The server has no descriptor free; try again.", "Der Server hat keinen Deskriptor frei; bitte noch einmal."},
  {"The system has no descriptor free; try again.", "Das System hat keinen Deskriptor frei; bitte noch einmal."},
  {"Too much of this kind is going on; try again.", "Davon läuft gerade zu viel; bitte noch einmal."},
  {"The server has no buffer free; try again.", "Der Server hat keinen Puffer frei; bitte noch einmal."},
  {"Page type unknown.", "Unbekannte Seitenart."},
  {"The data are not in the form of this TYPE, STRU and MODE.", "Die Daten haben nicht die Form von TYPE, STRU und MODE."},
  {"The file cannot be told apart in this TYPE and STRU.", "Die Datei lässt sich in diesem TYPE und dieser STRU nicht eindeutig darstellen."},
  {"The file does not suit this TYPE and STRU.", "Die Datei passt nicht zu diesem TYPE und dieser STRU."},
  {"There is too much below it.", "Darunter liegt zu viel."},
  {"Input or output error.", "Fehler bei der Ein- oder Ausgabe."},
  {"Local error in processing.", "Fehler im Server."},

  // STAT.
  {"{} status", "{}: Stand"},
  {"Connected to {}", "Verbunden mit {}"},
  {"Logged in as {}", "Angemeldet als {}"},
  {"Not logged in", "Nicht angemeldet"},
  {"Control connection: {}, data connections: {}", "Steuerverbindung: {}, Datenverbindungen: {}"},
  {"clear", "unverschlüsselt"},
  {"private", "verschlüsselt"},
  {"{} in progress: {} octets moved, data connection {}", "{} läuft: {} Oktette übertragen, Datenverbindung {}"},
  {"open", "offen"},
  {"being opened", "wird geöffnet"},
  {"{} in progress: {} of {} octets done", "{} läuft: {} von {} Oktetten erledigt"},
  {"{} in progress: {} octets, {} objects done", "{} läuft: {} Oktette, {} Objekte erledigt"},
  {"No transfer in progress", "Keine Übertragung läuft"},
  {"End of status.", "Ende."},
  {"Status of the directory follows.", "Das Verzeichnis:"},
  {"Status of the file follows.", "Die Datei:"},
  {"End of status; the directory could not be read whole.", "Ende; das Verzeichnis ließ sich nicht ganz lesen."},

  // HELP, SITE, FEAT, OPTS.
  {"{} is not implemented.", "{} ist nicht vorhanden."},
  {"No such command. HELP alone lists them.", "Diesen Befehl gibt es nicht. HELP allein nennt alle."},
  {"These commands are implemented:", "Diese Befehle sind vorhanden:"},
  {"HELP <command> shows its syntax.", "HELP <Befehl> zeigt die Syntax."},
  {"SITE subcommands:", "Unterbefehle von SITE:"},
  {"No such SITE subcommand. SITE HELP lists them.", "Diesen Unterbefehl gibt es nicht. SITE HELP nennt alle."},
  {"Features:", "Erweiterungen:"},
  {"Names are octets; UTF-8 is always on.", "Namen sind Oktette; UTF-8 gilt immer."},
  {"No such option.", "Diese Option gibt es nicht."},
};
// clang-format on

/// How many arguments a text has places for.
constexpr std::size_t places_in(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += c == '{' ? 1 : 0;
  return count;
}

template <std::size_t places>
consteval PhraseWith<places>::PhraseWith(const char* english) : row_(0) {
  const std::string_view wanted = english;
  while (row_ < std::size(phrase_rows) && phrase_rows[row_][0] != wanted) ++row_;
  if (row_ == std::size(phrase_rows)) throw "this text has no row in core/phrases.hpp";
  if (places_in(wanted) != places) throw "this text has places for another number of arguments";
}

}  // namespace core
