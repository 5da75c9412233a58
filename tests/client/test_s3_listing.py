"""Lists of objects: both versions of the call, their order, their pages."""

import os
import random
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import S3TestCase, quote  # noqa: E402

TREE = ("a", "a/", "a/1", "a/2", "a/b/1", "a/b/2", "a/b/c/1", "b", "b/1", "c", "é/1", "é/2", "日/本")


def expected(keys, prefix="", delimiter="", after=""):
    """(contents, common prefixes) by the rule, in the order of UTF-8."""
    contents, prefixes = [], []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix):]
        if delimiter and delimiter in rest:
            common = prefix + rest[:rest.index(delimiter) + len(delimiter)]
            if common.encode() > after.encode() and common not in prefixes:
                prefixes.append(common)
        elif key.encode() > after.encode():
            contents.append(key)
    return contents, prefixes


def found(reply):
    return ([item["Key"] for item in reply.get("Contents", ())],
            [item["Prefix"] for item in reply.get("CommonPrefixes", ())])


class ListingTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="tree")
        for key in TREE:
            cls.s3.put_object(Bucket="tree", Key=key, Body=key.encode())


class TreeTest(ListingTestCase):
    QUESTIONS = (("", ""), ("", "/"), ("a", "/"), ("a/", "/"), ("a/b", "/"), ("a/b/", "/"),
                 ("é", ""), ("é/", "/"), ("", "b/"), ("", "é"), ("日", "本"), ("absent", "/"),
                 ("a/", ""), ("", "/1"), ("", "absent"))

    def test_prefix_and_delimiter(self):
        for prefix, delimiter in self.QUESTIONS:
            for call in (self.s3.list_objects, self.s3.list_objects_v2):
                with self.subTest(call.__name__, prefix=prefix, delimiter=delimiter):
                    reply = call(Bucket="tree", Prefix=prefix, Delimiter=delimiter)
                    self.assertEqual(found(reply), expected(TREE, prefix, delimiter))
                    self.assertFalse(reply["IsTruncated"])

    def test_pages_of_every_size(self):
        for prefix, delimiter in self.QUESTIONS:
            for size in (1, 2, 3, 5):
                for name in ("list_objects", "list_objects_v2"):
                    with self.subTest(name, prefix=prefix, delimiter=delimiter, size=size):
                        contents, prefixes = [], []
                        for page in self.s3.get_paginator(name).paginate(
                                Bucket="tree", Prefix=prefix, Delimiter=delimiter,
                                PaginationConfig={"PageSize": size}):
                            items, commons = found(page)
                            self.assertLessEqual(len(items) + len(commons), size)
                            self.assertEqual(page["MaxKeys"], size)
                            contents += items
                            prefixes += commons
                        self.assertEqual((contents, prefixes), expected(TREE, prefix, delimiter))

    def test_after_every_key(self):
        for delimiter in ("", "/"):
            for after in (*TREE, "a/zz", "0", "zz"):
                with self.subTest(after=after, delimiter=delimiter):
                    reply = self.s3.list_objects_v2(Bucket="tree", StartAfter=after,
                                                    Delimiter=delimiter)
                    self.assertEqual(found(reply)[0], expected(TREE, "", delimiter, after)[0])
                    self.assertEqual(reply["StartAfter"], after)
        reply = self.s3.list_objects(Bucket="tree", Marker="a/2")
        self.assertEqual(found(reply)[0], expected(TREE, after="a/2")[0])
        self.assertEqual(reply["Marker"], "a/2")

    def test_what_a_list_tells(self):
        reply = self.s3.list_objects(Bucket="tree", Prefix="b", MaxKeys=1)
        self.assertEqual((reply["Name"], reply["Prefix"], reply["MaxKeys"], reply["IsTruncated"]),
                         ("tree", "b", 1, True))
        item, = reply["Contents"]
        head = self.s3.head_object(Bucket="tree", Key="b")
        self.assertEqual((item["ETag"], item["Size"], item["StorageClass"]),
                         (head["ETag"], 1, "STANDARD"))
        self.assertEqual(item["LastModified"].replace(microsecond=0), head["LastModified"])
        self.assertRegex(item["Owner"]["ID"], "^[0-9a-f]{64}$")

    def test_version_two_tells_owners_to_who_asks(self):
        self.assertNotIn("Owner", self.s3.list_objects_v2(Bucket="tree")["Contents"][0])
        reply = self.s3.list_objects_v2(Bucket="tree", FetchOwner=True)
        self.assertRegex(reply["Contents"][0]["Owner"]["ID"], "^[0-9a-f]{64}$")

    def test_counts_of_version_two(self):
        reply = self.s3.list_objects_v2(Bucket="tree", Delimiter="/", MaxKeys=3)
        self.assertEqual(reply["KeyCount"], 3)
        self.assertTrue(reply["IsTruncated"])
        token = reply["NextContinuationToken"]
        more = self.s3.list_objects_v2(Bucket="tree", Delimiter="/", ContinuationToken=token)
        self.assertEqual(more["ContinuationToken"], token)
        self.assertFalse(more["IsTruncated"])
        self.assertNotIn("NextContinuationToken", more)
        self.assertEqual(reply["KeyCount"] + more["KeyCount"],
                         sum(map(len, expected(TREE, "", "/"))))

    def test_the_next_marker_needs_a_delimiter(self):
        self.assertNotIn("NextMarker", self.s3.list_objects(Bucket="tree", MaxKeys=2))
        reply = self.s3.list_objects(Bucket="tree", MaxKeys=2, Delimiter="/")
        self.assertEqual(reply["NextMarker"], "a/")
        more = self.s3.list_objects(Bucket="tree", Delimiter="/", Marker="a/")
        self.assertNotIn("a/", found(more)[1])

    def test_a_marker_within_a_common_prefix(self):
        reply = self.s3.list_objects(Bucket="tree", Delimiter="/", Marker="a/1")
        contents, prefixes = found(reply)
        self.assertEqual(contents, ["b", "c"])
        self.assertEqual(prefixes[-3:], ["b/", "é/", "日/"])

    def test_no_keys_at_all(self):
        for call in (self.s3.list_objects, self.s3.list_objects_v2):
            reply = call(Bucket="tree", MaxKeys=0)
            self.assertEqual((found(reply), reply["IsTruncated"]), (([], []), False))

    def test_never_more_than_a_thousand(self):
        self.assertEqual(self.s3.list_objects(Bucket="tree", MaxKeys=5000)["MaxKeys"], 1000)
        self.assertEqual(self.s3.list_objects_v2(Bucket="tree", MaxKeys=2**31 - 1)["MaxKeys"], 1000)

    def test_numbers_that_are_none(self):
        for version in ("", "list-type=2&"):
            for value in ("-1", "many", "1.5", "99999999999999999999", "2147483648"):
                with self.subTest(version + value):
                    self.raw_refused("InvalidArgument", 400, "GET", "/tree",
                                     f"{version}max-keys={value}")

    def test_bad_questions(self):
        for query in ("encoding-type=base64", "list-type=2&encoding-type=URLs",
                      "list-type=2&continuation-token=", "list-type=2&continuation-token=forged"):
            with self.subTest(query):
                self.raw_refused("InvalidArgument", 400, "GET", "/tree", query)

    def test_an_empty_max_keys_is_none(self):
        reply = self.wire.call("GET", "/tree", "max-keys=")
        self.assertEqual((reply.status, reply.text("MaxKeys")), (200, "1000"))


class EncodingTest(ListingTestCase):
    KEYS = ("a b", "a+b", "ü&<>", "a%2Fb", "line\nbreak", "\x01", "q'\"", "(paren)*~_-.!", "d/e")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="encoded")
        for key in cls.KEYS:
            cls.s3.put_object(Bucket="encoded", Key=key)

    def test_url_encoding_hides_everything_odd(self):
        for query in ("encoding-type=url", "list-type=2&encoding-type=url"):
            reply = self.wire.call("GET", "/encoded", query)
            self.assertEqual(reply.text("EncodingType"), "url")
            listed = reply.texts("Key")
            self.assertEqual([urllib.parse.unquote_plus(key) for key in listed],
                             sorted(self.KEYS, key=str.encode))
            for key in listed:
                self.assertRegex(key, r"^[A-Za-z0-9%+/._*()!~'-]*$")

    def test_prefix_and_delimiter_are_encoded_too(self):
        reply = self.wire.call("GET", "/encoded",
                               f"encoding-type=url&prefix={quote('ü&')}&delimiter=%3C")
        self.assertEqual(reply.text("Delimiter"), "%3C")
        self.assertEqual(reply.texts("Prefix"), ["%C3%BC%26", "%C3%BC%26%3C"])

    def test_without_it_a_reply_is_still_xml(self):
        reply = self.wire.call("GET", "/encoded", "prefix=" + quote("ü"))
        self.assertEqual(reply.texts("Key"), ["ü&<>"])
        self.assertNotIn("EncodingType", reply.body)


class ManyTest(S3TestCase):
    """Thousands of keys: pages, order and the whole."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        chance = random.Random(7)
        alphabet = "ab/é日 😀\uffee"
        cls.keys_there = sorted({"".join(chance.choice(alphabet)
                                         for _ in range(chance.randint(1, 12)))
                                 for _ in range(2500)}, key=str.encode)
        cls.s3.create_bucket(Bucket="many")
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: cls.s3.put_object(Bucket="many", Key=key), cls.keys_there))

    def walk(self, name, **options):
        contents, prefixes, pages = [], [], 0
        for page in self.s3.get_paginator(name).paginate(Bucket="many", **options):
            items, commons = found(page)
            contents += items
            prefixes += commons
            pages += 1
        return contents, prefixes, pages

    def test_all_of_them_in_order(self):
        for name in ("list_objects", "list_objects_v2"):
            contents, _, pages = self.walk(name)
            self.assertEqual(contents, self.keys_there)
            self.assertEqual(pages, (len(contents) + 999) // 1000)

    def test_a_level_of_them(self):
        for prefix in ("", "a/", "é", "日/", "/"):
            for name in ("list_objects", "list_objects_v2"):
                contents, prefixes, _ = self.walk(name, Prefix=prefix, Delimiter="/",
                                                  PaginationConfig={"PageSize": 97})
                self.assertEqual((contents, prefixes), expected(self.keys_there, prefix, "/"))

    def test_any_delimiter(self):
        for delimiter in ("a", "😀", "é/", " "):
            contents, prefixes, _ = self.walk("list_objects_v2", Delimiter=delimiter,
                                              PaginationConfig={"PageSize": 333})
            self.assertEqual((contents, prefixes), expected(self.keys_there, "", delimiter))

    def test_all_are_deleted_in_bulk(self):
        self.s3.create_bucket(Bucket="emptied")
        for number in range(30):
            self.put("emptied", f"k{number}")
        for page in self.s3.get_paginator("list_objects_v2").paginate(
                Bucket="emptied", PaginationConfig={"PageSize": 7}):
            self.s3.delete_objects(Bucket="emptied", Delete={
                "Objects": [{"Key": item["Key"]} for item in page["Contents"]]})
        self.s3.delete_bucket(Bucket="emptied")


if __name__ == "__main__":
    unittest.main()
