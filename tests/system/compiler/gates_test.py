#!/usr/bin/env python3
"""mirror-compile's gates and its --diff, as a process on protobuf caches: what is refused, and what people are told."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../edge"))
from program_test import COMPILE, DONE, FAILED, REFUSED, ProgramTest  # noqa: E402

LIST = "/mirrorlist?repo=r&arch=a"


class GateTest(ProgramTest):
    def assert_refused(self, result, *objections):
        """Refused with just these objections, each a line, and a last line that names the remedy."""
        self.assertEqual(result.returncode, REFUSED, result.stderr)
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), len(objections) + 1, result.stderr)
        for objection, line in zip(objections, lines):
            self.assertIn(objection, line)
        self.assertIn("refused for %d reason%s;" % (len(objections), "s"[len(objections) == 1:]), lines[-1])
        self.assertIn("--force REASON", lines[-1])
        self.assertEqual(result.stdout, "")

    def files(self):
        return sorted(name for name in os.listdir(self.snapshots) if name.endswith(".mls"))

    def canaries(self, *lines):
        return "--canaries=" + self.write("canaries.txt", "".join(line + "\n" for line in lines).encode())


class Losses(GateTest):
    def test_too_much_is_gone(self):
        self.compile("a", mirrors=5)
        before, files = self.current(), self.files()
        refused = self.compile("a", "--quiet", mirrors=2)
        self.assert_refused(
            refused, "hosts: 5 before, 2 now, 3 lost, but --max-lost hosts=10% allows 2: host 3, host 4, host 5",
            "urls: 5 before, 2 now, 3 lost", "listings: 5 before, 2 now, 3 lost",
            "repository-listings: 5 before, 2 now, 3 lost")
        self.assertIn("generation 1 stays live", refused.stderr)
        self.assertEqual(self.current(), before)
        self.assertEqual(self.files(), files)
        # Less is no accident.
        self.assertEqual(self.compile("a", "--quiet", mirrors=3).returncode, DONE)

    def test_as_many_new_ones_do_not_hide_lost_ones(self):
        self.compile("a", mirrors=30)
        refused = self.compile("a", "--quiet", mirrors=30, first=16)
        self.assert_refused(refused, "hosts: 30 before, 30 now, 15 lost", "urls: 30 before, 30 now, 15 lost",
                            "listings: 30 before, 30 now, 15 lost", "repository-listings: 30 before, 30 now, 15 lost")
        self.assertEqual(self.sequence(), 1)

    def test_limits_can_be_set(self):
        self.compile("a", mirrors=5)
        self.assert_refused(self.compile("a", "--quiet", "--max-lost", "hosts=0", mirrors=4), "--max-lost hosts=0 allows 0")
        wide = ["--max-lost", "hosts=60%", "--max-lost", "urls=60%", "--max-lost=listings=60%",
                "--max-lost=repository-listings=60%"]
        self.assert_refused(self.compile("a", "--quiet", *wide, "--at-least", "hosts=3", mirrors=2),
                            "hosts: 2 are fewer than --at-least hosts=3")
        self.assertEqual(self.sequence(), 1)
        self.assertEqual(self.compile("a", *wide, mirrors=2).returncode, DONE)
        self.assertEqual(self.sequence(), 2)

    def test_the_first_snapshot_must_have_enough(self):
        refused = self.compile("a", "--quiet", "--at-least", "hosts=2")
        self.assert_refused(refused, "hosts: 1 are fewer")
        self.assertIn("nothing is published", refused.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.snapshots, "CURRENT")))

    def test_a_damaged_file_does_not_open_the_gates(self):
        self.compile("a", mirrors=30)
        self.compile("a", mirrors=31)
        with open(os.path.join(self.snapshots, self.files()[-1]), "r+b") as live:
            live.truncate(100)
        refused = self.compile("a", "--quiet", mirrors=3)
        self.assertEqual(refused.returncode, REFUSED, refused.stderr)
        self.assertIn("compared with generation 1", refused.stderr)
        self.assertIn("hosts: 30 before, 3 now", refused.stderr)

    def test_a_config_file_sets_limits(self):
        self.compile("a", mirrors=5)
        config = self.write("config.toml", b'max-lost = ["hosts=60%", "urls=60%", "listings=60%", '
                            b'"repository-listings=60%"]\nat-least = "hosts=2"\n')
        self.assertEqual(self.compile("a", "--config", config, mirrors=2).returncode, DONE)
        self.assert_refused(self.compile("a", "--quiet", "--config", config, mirrors=1), "at-least hosts=2")

    def test_a_reason_forces_it_and_is_logged(self):
        self.compile("a", mirrors=5)
        forced = self.compile("a", "--quiet", "--force", "half of them\nmove", mirrors=2)
        self.assertEqual(forced.returncode, DONE, forced.stderr)
        lines = forced.stderr.splitlines()
        self.assertIn("warning: overridden: hosts: 5 before, 2 now, 3 lost", lines[0])
        self.assertEqual(len(lines), 5, forced.stderr)
        self.assertIn(r'because of --force "half of them\x0amove"', lines[-1])
        self.assertEqual(self.sequence(), 2)
        needless = self.compile("a", "--force", "to be sure", mirrors=3)
        self.assertEqual(needless.returncode, DONE)
        self.assertIn('--force "to be sure" was not needed', needless.stderr)


class Canaries(GateTest):
    def test_a_question_without_a_good_answer(self):
        self.compile("a", mirrors=5)
        before = self.current()
        canaries = self.canaries("# who must be there", LIST + " min=4", "", LIST + "&country=SE contains=//a.example/3/d",
                                 LIST + " min=5 lacks=//a.example/4", "/mirrorlist?repo=none&arch=a min=0")
        good = self.compile("a", canaries.replace("canaries.txt", "none"), mirrors=4)
        self.assertEqual(good.returncode, FAILED)
        refused = self.compile("a", "--quiet", canaries, mirrors=4)
        self.assert_refused(
            refused, 'canaries.txt:5: "%s": 4 mirrors instead of min=5: host 1, host 2, host 3, host 4; '
            '"//a.example/4" is in it' % LIST,
            'canaries.txt:6: "/mirrorlist?repo=none&arch=a": status 404: "# repo = none arch = a error: invalid repo or arch"')
        self.assertEqual(self.current(), before)
        forced = self.compile("a", "--quiet", canaries, "--force", "we know", mirrors=4)
        self.assertEqual(forced.returncode, DONE)
        self.assertIn("overridden: " + self.path("canaries.txt") + ":5", forced.stderr)
        self.assertEqual(self.sequence(), 2)
        again = self.compile("a", "--quiet", canaries, mirrors=4)
        self.assertEqual(again.returncode, DONE)
        self.assertIn("of the live snapshot: " + self.path("canaries.txt") + ":5", again.stderr)

    def test_good_answers_go_live(self):
        canaries = self.canaries(LIST + " min=3 contains=//a.example/1/d lacks=b.example",
                                 "http://any.example" + LIST + "&country=se min=3", LIST + "&ip=2001:db8::1")
        self.assertEqual(self.compile("a", "--quiet", canaries, mirrors=3).stderr, "")
        self.assertEqual(self.sequence(), 1)

    def test_check_puts_them_to_a_file(self):
        self.compile("a", mirrors=3)
        file = os.path.join(self.snapshots, self.files()[0])
        self.assertEqual(self.run_program(COMPILE, "--check", file, self.canaries(LIST + " min=3")).returncode, DONE)
        failed = self.run_program(COMPILE, "--check", file, self.canaries(LIST + " min=4"))
        self.assertEqual(failed.returncode, REFUSED)
        self.assertIn("3 mirrors instead of min=4", failed.stderr)
        self.assertIn("a valid snapshot", failed.stdout)


class Difference(GateTest):
    def diff(self, *arguments):
        result = self.run_program(COMPILE, "--diff", *arguments)
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertEqual(result.stderr, "")
        return result.stdout

    def publish(self, *arguments, **world):
        done = self.compile(*arguments, "--quiet", "--force", "a test", "--log-level", "error", **world)
        self.assertEqual(done.returncode, DONE, done.stderr)

    def test_text(self):
        self.publish("a", mirrors=4)
        self.publish("b", mirrors=4, first=3, created_at=1700000060)
        one, two = self.files()
        canaries = self.canaries(LIST + " contains=a.example", LIST + "&country=SE min=4 lacks=a.example")
        expected = """\
before  %s, created at 2023-11-14T22:13:20Z
after   %s, created at 2023-11-14T22:14:20Z
hosts: 4 -> 4: 2 gone, 2 new, 2 changed
  gone     host 1
  gone     host 2
  new      host 5
  new      host 6
  changed  host 3: URLs -"http://a.example/3" +"http://b.example/3"
  changed  host 4: URLs -"http://a.example/4" +"http://b.example/4"
repositories: 1 -> 1: no change
redirected or disabled prefixes: 0 -> 0: no change
directories: 1 -> 1
  no category: 1 -> 1: 0 gone, 0 new, 1 with other mirrors, 0 with other checksums
    changed  "pub/d": 4 -> 4 mirrors, 2 gone, 2 new
netblocks: 0 -> 0: no change
AS numbers: 0 -> 0: no change
countries: 250 -> 250: no change
netblocks with a country: no change
canary questions: 2
  {0}:1 "/mirrorlist?repo=r&arch=a": 4 -> 4 mirrors: 2 gone, 2 new
    fails now: "a.example" is not in it
    gone     host 1
    gone     host 2
    new      host 5
    new      host 6
  {0}:2 "/mirrorlist?repo=r&arch=a&country=SE": 4 -> 4 mirrors: 2 gone, 2 new
    failed before: "a.example" is in it
    holds now
    gone     host 1
    gone     host 2
    new      host 5
    new      host 6
""".replace("{0}", self.path("canaries.txt")) % (one, two)
        for names in (("1", "2"), (one, two), ("0000000001", "CURRENT")):
            self.assertEqual(self.diff(*names, "--snapshots", self.snapshots, canaries), expected)
        paths = [os.path.join(self.snapshots, name) for name in (one, two)]
        by_path = self.diff(*paths, canaries)
        self.assertEqual(by_path.replace(self.snapshots + "/", ""), expected)
        self.assertEqual(self.diff(paths[0], "2", "--snapshots", self.snapshots, canaries).splitlines()[1:],
                         expected.splitlines()[1:])

    def test_length(self):
        self.publish("a", mirrors=40)
        self.publish("a", mirrors=5)
        short = self.diff("1", "2", "--snapshots", self.snapshots)
        self.assertEqual(len(re.findall(r"^  gone     host", short, re.M)), 10)
        self.assertIn("  gone     ... and 25 more\n", short)
        whole = self.diff("1", "2", "--snapshots", self.snapshots, "--all")
        self.assertEqual(len(re.findall(r"^  gone     host", whole, re.M)), 35)
        self.assertNotIn("more", whole)

    def test_the_same(self):
        self.publish("a", mirrors=3)
        same = self.diff("1", "1", "--snapshots", self.snapshots)
        self.assertEqual(len(re.findall(r": no change$", same, re.M)), 7, same)
        self.assertIn("0 gone, 0 new, 0 with other mirrors, 0 with other checksums", same)


if __name__ == "__main__":
    unittest.main()
