#include "interop/swupdate/swupdate_device.h"

#include <filesystem>
#include <stdexcept>

#include "base/digest.h"

namespace dray::interop {

using testing_support::Process;

SwupdateDevice::SwupdateDevice(std::string folder, std::string name, std::string token)
    : folder_{std::move(folder)}, name_{std::move(name)}, token_{std::move(token)} {
  std::filesystem::create_directories(folder_ + "/tmp");
  run(R"(openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=test signer" -keyout sign.key -out sign.crt \
         -addext "keyUsage=digitalSignature,keyCertSign" -addext "extendedKeyUsage=emailProtection")");
  identify({});
}

void SwupdateDevice::identify(const std::map<std::string, std::string>& attributes) const {
  std::string pairs = "{ name = \"hwRevision\"; value = \"1.0\"; }";
  for (const auto& [name, value] : attributes) pairs += ", { name = \"" + name + "\"; value = \"" + value + "\"; }";
  testing_support::write_file(folder_ + "/sw.cfg", "globals : { verbose = true; loglevel = 5; public-key-file = \"" + folder_ +
                                                       "/sign.crt\"; };\nidentify : ( " + pairs + " );\n");
}

void SwupdateDevice::run(const std::string& script) const {
  Process shell{{"/bin/sh", "-ec", script}, {.folder = folder_}};
  const auto status = shell.wait(std::chrono::seconds{60});
  if (!status || *status != 0) throw std::runtime_error("failed: " + script + "\n" + shell.output());
}

std::string SwupdateDevice::make_image(const std::string& payload, const std::string& version) const {
  testing_support::write_file(folder_ + "/payload", payload);
  testing_support::write_file(folder_ + "/sw-description",
                              "software = {\n  version = \"" + version +
                                  "\";\n  hardware-compatibility = [ \"1.0\" ];\n  files: ( { filename = \"payload\"; path = \"" + folder_ +
                                  "/installed\"; sha256 = \"" + sha256_of(as_bytes(payload)).hex() + "\"; } );\n}\n");
  run(R"(openssl cms -sign -in sw-description -out sw-description.sig -signer sign.crt -inkey sign.key -outform DER \
         -nosmimecap -binary -md sha256
         (echo sw-description; echo sw-description.sig; echo payload) | cpio -o -H crc --quiet > image.swu)");
  return testing_support::read_file(folder_ + "/image.swu");
}

void SwupdateDevice::start(const std::string& url, const std::string& report) {
  const std::string orders = "-t DEFAULT -u " + url + " -i " + name_ + " -k " + token_ + " -p 2 -r 5 -w 1" +
                             (report.empty() ? "" : " -c " + report);
  process_ = std::make_unique<Process>(std::vector<std::string>{"swupdate", "-v", "-f", folder_ + "/sw.cfg", "-H", "test-board:1.0", "-k",
                                                                folder_ + "/sign.crt", "-u", orders},
                                       Process::Options{.environment = {{"TMPDIR", folder_ + "/tmp"}}, .folder = folder_});
}

void SwupdateDevice::stop() { process_.reset(); }

std::string SwupdateDevice::installed() const { return testing_support::read_file(folder_ + "/installed"); }

}  // namespace dray::interop
