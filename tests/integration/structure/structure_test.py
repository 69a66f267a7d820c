#!/usr/bin/env python3
"""The architecture, kept: what may include what, how long a file may be, and that the commands explain themselves."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
TIERS = ("server", "gateway", "agent", "ctl")
COMMON = {"base", "core", "wire", "ports", "drive"}
MAY_INCLUDE = {
    "base": {"base"},
    "core": {"base", "core"},
    "ports": {"base", "ports"},
    "wire": {"base", "core", "wire"},
    "drive": {"base", "core", "ports", "drive"},
    "net": {"base", "core", "ports", "wire", "net"},
    "adapters": {"base", "core", "ports", "wire", "adapters"},
    **{tier: COMMON | {tier} for tier in TIERS},
}
CODE = (".cc", ".h", ".py", ".sh", ".cmake", ".sql", ".ts", ".tsx", ".js", ".css")
COMMANDS = ("setup", "demo", "test", "bench")
MOST_LINES = 500
failures = 0


def check(name, complaints):
    global failures
    for complaint in complaints:
        print("   " + complaint)
    print(("not ok " if complaints else "ok ") + name, flush=True)
    failures += bool(complaints)


def files(folder, *suffixes):
    return sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes and path.is_file())


def includes(path):
    return re.findall(r'^\s*#\s*include\s+(["<])([^">]+)[">]', path.read_text(), re.MULTILINE)


def shown(path):
    return str(path.relative_to(ROOT))


def wrong_folders():
    known = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()}
    for path in files("src", ".cc", ".h"):
        folder = path.relative_to(ROOT / "src").parts[0]
        # A unit test and what it shares with others may stand on simulated or real ports; sim/ itself is judged below.
        tests = path.name.endswith(("_test.cc", "_testing.h")) or "testing" in path.parts
        allowed = MAY_INCLUDE[folder] | ({"sim", "adapters"} if tests else set())
        for quote, name in includes(path):
            other = name.split("/")[0]
            if quote != '"' or other not in known | {"sim"} or other in allowed:
                continue
            if folder == "adapters" and other in TIERS and re.fullmatch(r"(\w+/)+\w*store\w*\.h", name):
                continue  # an adapter implements a tier's store
            yield f"{shown(path)} includes {name}"


def impure_core():
    for path in files("src/core", ".cc", ".h"):
        if path.name.endswith("_test.cc"):
            continue
        for quote, name in includes(path):
            standard = quote == "<" and "/" not in name and not name.endswith(".h")
            if not standard and not (quote == '"' and name.split("/")[0] in ("base", "core")):
                yield f"{shown(path)} includes {name}"
            if name in ("thread", "mutex", "random", "iostream", "fstream", "filesystem", "future", "condition_variable"):
                yield f"{shown(path)} includes <{name}>: core decides, it does not act"
            if name == "base/log.h":
                yield f"{shown(path)} logs: core decides, it does not act"
        if re.search(r"(system_clock|steady_clock)::now", path.read_text()):
            yield f"{shown(path)} reads a clock"


def beast_elsewhere():
    for folder in ("src", "apps", "sim", "tools"):
        for path in files(folder, ".cc", ".h"):
            if any("boost/beast" in name for _, name in includes(path)) and not shown(path).startswith("src/net/"):
                yield f"{shown(path)} includes Beast"


def net_in_sim():
    for path in files("sim", ".cc", ".h"):
        for _, name in includes(path):
            if name.startswith("net/"):
                yield f"{shown(path)} includes {name}"


def ours():
    for folder in ("src", "apps", "sim", "tools", "tests", "benchmarks", "cmake", "packaging"):
        yield from files(folder, *CODE)
    for name in COMMANDS:
        if (ROOT / name).is_file():
            yield ROOT / name


def headers():
    for folder in ("src", "sim", "tools", "apps", "tests"):
        for path in files(folder, ".h"):
            text = path.read_text()
            if not text.startswith("// "):
                yield f"{shown(path)} does not begin with what it is for"
            if "#pragma once" not in text:
                yield f"{shown(path)} has no #pragma once"


def lengths():
    for path in ours():
        lines = len(path.read_text().splitlines())
        if lines > MOST_LINES:
            yield f"{shown(path)} has {lines} lines, the most is {MOST_LINES}"


def leftovers():
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    for path in ours():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if words.search(line):
                yield f"{shown(path)}:{number}: {line.strip()[:100]}"


# Maps whose mapped type is a pointer: `map[key]` makes a null entry of what was looked up and is not there.
MAP = re.compile(r"\b(?:std::)?(?:unordered_)?map<")
POINTER = re.compile(r"(\*|^(std::)?(unique|shared|weak)_ptr<.*>)$", re.DOTALL)


def template_arguments(text, at):
    """The arguments of a template whose '<' is just before `at`, and where its '>' is."""
    out, depth, begin = [], 0, at
    for i in range(at, len(text)):
        if text[i] in "<(":
            depth += 1
        elif text[i] in ">)" and depth > 0:
            depth -= 1
        elif text[i] == ">" or (text[i] == "," and depth == 0):
            out.append(text[begin:i].strip())
            begin = i + 1
            if text[i] == ">":
                return out, i
    return out, len(text)


def names_of_pointer_maps(text):
    names = set()
    for found in MAP.finditer(text):
        arguments, end = template_arguments(text, found.end())
        if len(arguments) < 2 or not POINTER.search(arguments[1]):
            continue
        named = re.match(r"&?\s*(\w+)\s*[;{=,)(]", text[end + 1 :])
        if named:
            names.add(named.group(1))
        alias = re.search(r"using (\w+)\s*=\s*$", text[: found.start()])
        if alias:
            names |= set(re.findall(rf"\b{alias.group(1)}(?:<[^;]*?>)?\s+(\w+)\s*[;{{=]", text))
    return names


def made_nulls():
    for folder in ("src", "apps", "sim"):
        headers = {path.with_suffix(""): names_of_pointer_maps(path.read_text()) for path in files(folder, ".h")}
        for path in files(folder, ".cc", ".h"):
            text = path.read_text()
            names = names_of_pointer_maps(text)
            for stem, more in headers.items():  # site.h is of site.cc and of site_jobs.cc
                if path.parent == stem.parent and (path.stem + "_").startswith(stem.name + "_"):
                    names |= more
            for number, line in enumerate(text.splitlines(), 1):
                for name in re.findall(r"\b(\w+)\[(?!\])", line.split("//")[0]):
                    if name in names:
                        yield f"{shown(path)}:{number}: {name}[...] makes a null pointer of what is not there: find(), emplace() or insert_or_assign()"


def throwing_numbers():
    """std::stoll of a text from outside ends the program, atoll makes zero of it: from_chars says what it is."""
    wrong = re.compile(r"\bstd::sto(i|l|ll|ul|ull|f|d|ld)\(|\bato(i|l|ll|f)\(")
    for folder in ("src", "apps"):
        for path in files(folder, ".cc", ".h"):
            if path.name.endswith(("_test.cc", "_testing.h")) or "testing" in path.parts:
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if wrong.search(line):
                    yield f"{shown(path)}:{number}: {line.strip()[:100]}"


def arrays_of_one():
    """json::value{x} is an array of one, json::value(x) is x."""
    for folder in ("src", "apps", "sim", "tests"):
        for path in files(folder, ".cc", ".h"):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if re.search(r"\bjson::value\{[^{}]", line.split("//")[0]):
                    yield f"{shown(path)}:{number}: {line.strip()[:100]}"


def unsafe_pages():
    """What devices and people are called may hold any sign: it is text for the DOM, and encoded in addresses."""
    markup = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|DOMParser|createContextualFragment|setHTML)\b|new Function")
    for path in files("web", ".js", ".ts", ".html"):
        text = path.read_text()
        for found in markup.finditer(text):
            yield f"{shown(path)}: {found.group(0)} makes markup of text: textContent, or element()"
        for address in re.findall(r'call\("[A-Z]+", `([^`]*)`', text):
            for value in re.findall(r"\$\{([^}]*)\}", address):
                if not value.startswith("encodeURIComponent("):
                    yield f"{shown(path)}: {value} stands in the address {address} as it is: encodeURIComponent"
        for handler in re.findall(r"<[^>]*\s(on\w+)=", text):
            yield f"{shown(path)}: {handler} is code in markup"


# What begins a definition in column 0, and the name that it gives. `using` is not here: the same alias may be said again.
DEFINED = (
    re.compile(r"(?:class|struct|enum class|enum|union) (\w+)(?!\w|\s*;)"),
    re.compile(r"(?:(?:inline|static|constexpr|const|constinit) )+[^=({]*?\b(\w+)(?:\[\w*\])*\s*(?:[={(]|$)"),
    re.compile(r"[A-Za-z][\w:<>,&*\[\] ]*[ &*](\w+)\("),
)
ANOTHER = re.compile(r",\s*(k[A-Z]\w*)\s*(?:\{|= )")  # constexpr Duration kFresh{24}, kAgain{6};


def defined_in(line):
    """The names that a line in column 0 defines or declares."""
    line = re.sub(r"\[\[\w+\]\] ", "", line)
    if re.match(r"(TEST|template|using|namespace|return|friend|RC_GTEST|INSTANTIATE)\w*\b", line):
        return []
    for pattern in DEFINED:
        if found := pattern.match(line):
            more = ANOTHER.findall(line) if re.match(r"(inline|static|constexpr|const) ", line) else []
            return [found.group(1), *more]
    return []


def declared_names(header):
    return {name for line in header.splitlines() for name in defined_in(line)}


def local_names(text):
    """The names that only this file knows, each once: those in anonymous namespaces, and file-level statics."""
    names, spaces = set(), []
    for line in text.splitlines():
        opens = re.match(r"(?:inline )?namespace ?([\w:]*) ?\{(?!.*\})", line)
        if opens:
            spaces.append(opens.group(1))
        elif line.startswith("}  // namespace") and spaces:
            spaces.pop()
        elif "" in spaces or line.startswith("static "):
            names.update(defined_in(line))
    return names


def names_written_twice():
    folders = {}
    for root in ("src", "sim", "apps", "tools", "tests"):
        for path in files(root, ".cc"):
            if path.parent.name != "fuzz":  # each of those is a program of its own
                folders.setdefault(path.parent, []).append(path)
    for folder, paths in sorted(folders.items()):
        where = {}
        for path in paths:
            for name in local_names(path.read_text()):
                where.setdefault(name, []).append(path.name)
        for path in folder.glob("*.h"):
            for name in where.keys() & declared_names(path.read_text()):
                where[name].append(path.name)
        for name, found in sorted(where.items()):
            if len(found) > 1:
                yield (f"{shown(folder)}: {name} is defined in {' and '.join(found)}; "
                       "unity builds merge the files of a folder: rename one, or share it in a header")


def finds_names_written_twice():
    """The check above sees each shape of definition that the code has."""
    text = """namespace dray {
namespace {
constexpr std::chrono::hours kOne{24}, kTwo{6};
const WallTime kThree = at("x");
constexpr std::array<std::string_view, 2> kFour{"a",
                                               "b"};
template <class T>
Result<T> five(const std::string& text) {
  return six(text);
}
struct Seven : Eight {
  int nine = 0;
};
enum class Ten { kEleven };
using Twelve = int;
[[nodiscard]] bool thirteen() { return true; }
}  // namespace
int fourteen() {}
static int fifteen() {}
}  // namespace dray
"""
    expected = {"kOne", "kTwo", "kThree", "kFour", "five", "Seven", "Ten", "thirteen", "fifteen"}
    if local_names(text) != expected:
        yield f"found {sorted(local_names(text))}, expected {sorted(expected)}"


def helps():
    for name in COMMANDS:
        try:
            done = subprocess.run([ROOT / name, "--help"], capture_output=True, text=True, timeout=20)
        except OSError as error:
            yield f"./{name}: {error.strerror}"
            continue
        if done.returncode != 0 or f"./{name}" not in done.stdout:
            yield f"./{name} --help: status {done.returncode}, {done.stdout[:80]!r}"
        done = subprocess.run([ROOT / name, "--no-such-option"], capture_output=True, text=True, timeout=20)
        if done.returncode != 2 or "no-such-option" not in done.stderr:
            yield f"./{name} --no-such-option: status {done.returncode}, expected 2 and a message on stderr"


def main():
    check("Structure.FoldersIncludeOnlyWhatTheyMay", list(wrong_folders()))
    check("Structure.CoreIsPure", list(impure_core()))
    check("Structure.OnlyNetIncludesBeast", list(beast_elsewhere()))
    check("Structure.TheSimulatorHasNoRealNetwork", list(net_in_sim()))
    check("Structure.HeadersSayWhatTheyAreFor", list(headers()))
    check("Structure.NoFileIsLongerThan500Lines", list(lengths()))
    check("Structure.NoLookUpMakesANullPointer", list(made_nulls()))
    check("Structure.NumbersAreReadWithoutThrowing", list(throwing_numbers()))
    check("Structure.NoTextBecomesAnArrayOfOne", list(arrays_of_one()))
    check("Structure.PagesMakeNoMarkupOfTexts", list(unsafe_pages()))
    check("Structure.ANameOfOneFileOccursOnceInItsFolder", [*finds_names_written_twice(), *names_written_twice()])
    check("Structure.NothingIsLeftForLater", list(leftovers()))
    check("Structure.TheFourCommandsExplainThemselves", list(helps()))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
