// A disk that forgets: what is live (what programs see) and what is durable (what a power cut leaves) are
// kept apart, for the bytes of each file and for the names of each folder. docs/fault-model.md says what is
// fair.
//
// Each operation that changes something is a write point, numbered from 1. A test cuts the power at any of
// them.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/disk.h"
#include "sim/random.h"

namespace dray::sim {

class SimDisk;

// Bytes that copies share until one of them changes.
class SharedBytes {
 public:
  const std::string& operator*() const { return *bytes_; }
  const std::string* operator->() const { return bytes_.get(); }
  std::string& own() {
    if (bytes_.use_count() > 1) bytes_ = std::make_shared<std::string>(*bytes_);
    return *bytes_;
  }

 private:
  std::shared_ptr<std::string> bytes_ = std::make_shared<std::string>();
};

// A file, a folder or a symlink.
struct Inode {
  enum class Kind { kFile, kFolder, kSymlink };
  using Names = std::map<std::string, std::shared_ptr<Inode>, std::less<>>;

  explicit Inode(Kind k) : kind{k} {}
  const Kind kind;
  std::string live;                 // bytes of a file; target of a symlink
  SharedBytes durable;
  std::vector<bool> dirty;          // live sectors that a sync must still make durable
  std::size_t dirty_from = 0, dirty_to = 0;  // none outside
  bool resized = false;             // live size not yet durable
  std::size_t torn_from = std::string::npos;  // where a write began of which a full disk took a part only
  Names live_names, durable_names;  // of a folder
};

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<Inode> inode, Path path, bool writable);

  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> out) const override;
  Result<> write(std::uint64_t at, ByteView bytes) override;
  Result<> sync() override;
  std::uint64_t size() const override { return inode_->live.size(); }
  Result<> truncate(std::uint64_t size);

 private:
  Result<> change(std::string_view what) const;

  SimDisk& disk_;
  std::shared_ptr<Inode> inode_;
  Path path_;
  bool writable_;
  std::uint64_t boot_;  // a handle of an earlier life is dead
};

// What the power does at a write point: the operation happens, does not, or does and nobody learns of it.
enum class Power { kStays, kLostBefore, kLostAfter };

class SimDisk final : public Disk {
 public:
  static constexpr std::size_t kSector = 512;

  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

  explicit SimDisk(SimRandom random, std::uint64_t capacity = kNoLimit);

  Result<std::shared_ptr<File>> open(Path path, Mode mode) override;
  Result<> rename(Path from, Path to) override;
  Result<> unlink(Path path) override;
  Result<> make_dir(Path path) override;
  Result<> symlink(Path to, Path at) override;
  Result<Path> read_link(Path path) override;
  Result<> sync_dir(Path path) override;
  Result<std::vector<std::string>> list(Path path) override;
  std::uint64_t free_bytes() const override;
  std::uint64_t used_bytes() const;

  Result<std::shared_ptr<SimFile>> open_file(Path path, Mode mode);
  bool exists(const Path& path) const;
  // What a program would read now, without a copy; for checks. Nothing where there is no such file. Good until
  // the file changes.
  std::optional<std::string_view> bytes(const Path& path) const;
  // Of these, how many whole writes made: a full disk takes the begin of one, which whoever wrote does not know.
  std::size_t whole_bytes(const Path& path) const;

  // The disk as a power cut now would leave it if it lost all that is unsynced; to go back to it later, the node
  // being off.
  std::shared_ptr<Inode> durable_copy() const;
  void replace(const std::shared_ptr<Inode>& copy);

  // Asked at each write point with its number and what it is, "sync gateway.db-wal".
  using OnOp = std::function<Power(std::uint64_t n, const std::string& what)>;
  void on_op(OnOp hook) { on_op_ = std::move(hook); }
  void on_power_lost(std::function<void()> hook) { on_power_lost_ = std::move(hook); }
  std::uint64_t ops() const { return ops_; }

  // From now on every operation fails and changes nothing.
  void freeze() { frozen_ = true; }
  bool frozen() const { return frozen_; }
  // Decides what the power cut left, and is ready for the next life. Handles of the old one fail for ever.
  struct CrashOptions {
    bool lose_all_unsynced = false;  // the worst disk, instead of any
  };
  void crash(CrashOptions options);
  void crash() { crash(CrashOptions{}); }

  Result<> flip_byte(const Path& path, std::uint64_t at);  // at rest, for good
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }

 private:
  friend class SimFile;
  struct Change {  // one name of one folder: now `what`, or gone
    std::shared_ptr<Inode> folder;
    std::string name;
    std::shared_ptr<Inode> what;
  };
  struct DirOp {  // durable after a sync of `folder`, all changes or none
    std::shared_ptr<Inode> folder;
    std::vector<Change> changes;
  };
  struct Place {
    std::shared_ptr<Inode> folder;
    std::string name;
    std::shared_ptr<Inode> what;  // null: no such name
  };

  Result<Place> find(const Path& path, bool follow_last) const;
  Result<> walk(Place& at, std::vector<std::shared_ptr<Inode>>& folders, const Path& path, bool follow_last,
                int depth) const;
  // A write point: runs `act` unless the power goes.
  Result<> change(const std::string& what, const std::function<void()>& act);
  void record(DirOp op);
  static void commit(const DirOp& op);
  void tear(Inode& file, bool lose_all);
  void settle(const std::shared_ptr<Inode>& inode, bool lose_all);

  SimRandom random_;
  std::uint64_t capacity_;
  std::shared_ptr<Inode> root_ = std::make_shared<Inode>(Inode::Kind::kFolder);
  std::vector<DirOp> pending_;  // in the order they were done
  std::uint64_t ops_ = 0;
  std::uint64_t boot_ = 1;
  bool frozen_ = false;
  OnOp on_op_;
  std::function<void()> on_power_lost_;
};

}  // namespace dray::sim
