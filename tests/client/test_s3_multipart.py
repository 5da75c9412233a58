"""Multipart uploads."""

import base64
import hashlib
import io
import os
import sys
import unittest
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import MIB, S3TestCase, md5_base64, object_files, random_bytes  # noqa: E402
from cloud import wait_until  # noqa: E402

PART = 5 * MIB  # the least that a part may have, if it is not the last


def composite_etag(parts):
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    return f'"{digest}-{len(parts)}"'


class MultipartTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="parts")

    def begin(self, key, **options):
        return self.s3.create_multipart_upload(Bucket="parts", Key=key, **options)["UploadId"]

    def part(self, key, upload, number, body, **options):
        reply = self.s3.upload_part(Bucket="parts", Key=key, UploadId=upload, PartNumber=number,
                                    Body=body, **options)
        return {"PartNumber": number, "ETag": reply["ETag"],
                **{name: value for name, value in reply.items() if name.startswith("Checksum")}}

    def complete(self, key, upload, parts, **options):
        return self.s3.complete_multipart_upload(Bucket="parts", Key=key, UploadId=upload,
                                                 MultipartUpload={"Parts": parts}, **options)

    def upload(self, key, bodies, **options):
        upload = self.begin(key, **options)
        parts = [self.part(key, upload, number + 1, body) for number, body in enumerate(bodies)]
        return self.complete(key, upload, parts)


class UploadTest(MultipartTestCase):
    def test_an_object_of_parts(self):
        bodies = [random_bytes(PART, 1), random_bytes(PART + 77, 2), b"the end"]
        reply = self.upload("whole", bodies, ContentType="text/odd", Metadata={"k": "v"},
                            CacheControl="no-store", Tagging="t=1")
        self.assertEqual(reply["ETag"], composite_etag(bodies))
        self.assertEqual((reply["Bucket"], reply["Key"]), ("parts", "whole"))
        self.assertIn("/parts/whole", reply["Location"])
        found = self.s3.get_object(Bucket="parts", Key="whole")
        self.assertEqual(found["Body"].read(), b"".join(bodies))
        self.assertEqual((found["ContentType"], found["Metadata"], found["CacheControl"],
                          found["TagCount"]), ("text/odd", {"k": "v"}, "no-store", 1))
        self.assertEqual(found["ETag"], reply["ETag"])

    def test_parts_of_any_order_and_numbers(self):
        upload = self.begin("order")
        bodies = {7: random_bytes(PART, 7), 10000: b"last", 3: random_bytes(PART, 3)}
        parts = {number: self.part("order", upload, number, body)
                 for number, body in bodies.items()}
        self.complete("order", upload, [parts[number] for number in sorted(parts)])
        self.assertEqual(self.get("parts", "order"),
                         b"".join(bodies[number] for number in sorted(bodies)))

    def test_a_part_sent_again_replaces(self):
        upload = self.begin("again")
        old = self.part("again", upload, 1, b"old")
        new = self.part("again", upload, 1, b"new")
        with self.refused("InvalidPart", 400):
            self.complete("again", upload, [old])
        self.complete("again", upload, [new])
        self.assertEqual(self.get("parts", "again"), b"new")

    def test_parts_that_are_not_named_are_dropped(self):
        files = len(object_files(self.cloud))
        upload = self.begin("some")
        bodies = [random_bytes(PART, number) for number in range(3)]
        parts = [self.part("some", upload, number + 1, body) for number, body in enumerate(bodies)]
        self.complete("some", upload, [parts[0], parts[2]])
        self.assertEqual(self.get("parts", "some"), bodies[0] + bodies[2])
        wait_until(lambda: len(object_files(self.cloud)) == files + 2, 10, "a part is dropped")
        self.s3.delete_object(Bucket="parts", Key="some")
        wait_until(lambda: len(object_files(self.cloud)) == files, 10, "all parts are dropped")

    def test_ranges_across_parts(self):
        bodies = [random_bytes(PART, 1), random_bytes(PART, 2), random_bytes(1000, 3)]
        self.upload("ranged", bodies)
        whole = b"".join(bodies)
        for first, last in ((0, 0), (PART - 1, PART), (PART - 10, 2 * PART + 9), (2 * PART, None),
                            (PART, 2 * PART - 1), (len(whole) - 1, None), (0, len(whole) - 1)):
            text = f"bytes={first}-{'' if last is None else last}"
            with self.subTest(text):
                end = len(whole) if last is None else last + 1
                self.assertEqual(self.get("parts", "ranged", Range=text), whole[first:end])
        self.assertEqual(self.get("parts", "ranged", Range="bytes=-1500"), whole[-1500:])

    def test_one_part_of_the_object(self):
        bodies = [random_bytes(PART, 1), b"second"]
        self.upload("numbered", bodies)
        for number, body in enumerate(bodies, 1):
            reply = self.s3.get_object(Bucket="parts", Key="numbered", PartNumber=number)
            self.assertEqual(reply["Body"].read(), body)
            self.assertEqual(reply["PartsCount"], 2)
            self.assertEqual(reply["ResponseMetadata"]["HTTPStatusCode"], 206)
            head = self.s3.head_object(Bucket="parts", Key="numbered", PartNumber=number)
            self.assertEqual((head["ContentLength"], head["PartsCount"]), (len(body), 2))
        with self.refused("InvalidPartNumber", 416):
            self.get("parts", "numbered", PartNumber=3)
        with self.refused("InvalidRequest", 400):
            self.get("parts", "numbered", PartNumber=1, Range="bytes=0-1")
        self.put("parts", "unparted", b"1")
        self.assertEqual(self.get("parts", "unparted", PartNumber=1), b"1")
        with self.refused("InvalidPartNumber", 416):
            self.get("parts", "unparted", PartNumber=2)

    def test_the_transfer_manager_of_boto3(self):
        from boto3.s3.transfer import TransferConfig
        body = random_bytes(23 * MIB, 9)
        config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
        self.s3.upload_fileobj(io.BytesIO(body), "parts", "transferred", Config=config,
                               ExtraArgs={"ContentType": "x/y", "Metadata": {"a": "b"}})
        into = io.BytesIO()
        self.s3.download_fileobj("parts", "transferred", into, Config=config)
        self.assertEqual(into.getvalue(), body)
        head = self.s3.head_object(Bucket="parts", Key="transferred")
        self.assertTrue(head["ETag"].endswith('-3"'))
        self.assertEqual((head["ContentType"], head["Metadata"]), ("x/y", {"a": "b"}))
        self.s3.copy({"Bucket": "parts", "Key": "transferred"}, "parts", "copied", Config=config)
        into = io.BytesIO()
        self.s3.download_fileobj("parts", "copied", into, Config=config)
        self.assertEqual(into.getvalue(), body)

    def test_a_version_of_parts(self):
        bucket = self.new_versioned_bucket()
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        etag = self.s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1,
                                   Body=b"parts")["ETag"]
        reply = self.s3.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.put(bucket, "k", b"later")
        self.assertEqual(self.get(bucket, "k", VersionId=reply["VersionId"]), b"parts")

    def test_an_object_is_not_there_before_it_is_complete(self):
        self.put("parts", "replaced", b"old")
        upload = self.begin("replaced")
        part = self.part("replaced", upload, 1, b"new")
        self.assertEqual(self.get("parts", "replaced"), b"old")
        self.complete("replaced", upload, [part])
        self.assertEqual(self.get("parts", "replaced"), b"new")

    def test_uploads_outlive_the_daemon(self):
        cloud = self.start_cloud()
        s3 = cloud.boto3("s3")
        s3.create_bucket(Bucket="kept")
        upload = s3.create_multipart_upload(Bucket="kept", Key="k")["UploadId"]
        bodies = [random_bytes(PART, 1), b"end"]
        parts = []
        for number, body in enumerate(bodies, 1):
            etag = s3.upload_part(Bucket="kept", Key="k", UploadId=upload, PartNumber=number,
                                  Body=body)["ETag"]
            parts.append({"PartNumber": number, "ETag": etag})
            cloud.kill()
            cloud.start()
        s3.complete_multipart_upload(Bucket="kept", Key="k", UploadId=upload,
                                     MultipartUpload={"Parts": parts})
        self.assertEqual(s3.get_object(Bucket="kept", Key="k")["Body"].read(), b"".join(bodies))


class RefusalTest(MultipartTestCase):
    def test_a_part_that_is_too_small(self):
        upload = self.begin("small")
        parts = [self.part("small", upload, number, b"tiny") for number in (1, 2)]
        with self.refused("EntityTooSmall", 400) as error:
            self.complete("small", upload, parts)
        self.assertEqual((error["Error"]["ProposedSize"], error["Error"]["MinSizeAllowed"],
                          error["Error"]["PartNumber"]), ("4", str(PART), "1"))
        # It can still be completed.
        self.complete("small", upload, parts[1:])
        self.assertEqual(self.get("parts", "small"), b"tiny")

    def test_parts_out_of_order(self):
        upload = self.begin("disorder")
        parts = [self.part("disorder", upload, number, b"x") for number in (1, 2)]
        with self.refused("InvalidPartOrder", 400):
            self.complete("disorder", upload, parts[::-1])
        with self.refused("InvalidPartOrder", 400):
            self.complete("disorder", upload, [parts[0], parts[0]])

    def test_parts_that_there_are_not(self):
        upload = self.begin("absent")
        part = self.part("absent", upload, 1, b"x")
        with self.refused("InvalidPart", 400):
            self.complete("absent", upload, [part, {"PartNumber": 2, "ETag": part["ETag"]}])
        with self.refused("InvalidPart", 400):
            self.complete("absent", upload, [{"PartNumber": 1, "ETag": '"%s"' % ("0" * 32)}])

    def test_no_parts_at_all(self):
        upload = self.begin("nothing")
        with self.refused("MalformedXML", 400):
            self.complete("nothing", upload, [])
        self.raw_refused("MalformedXML", 400, "POST", "/parts/nothing", f"uploadId={upload}",
                         body=b"not xml")

    def test_an_upload_that_there_is_not(self):
        with self.refused("NoSuchUpload", 404):
            self.part("k", "forged", 1, b"x")
        upload = self.begin("mine")
        with self.refused("NoSuchUpload", 404):
            self.part("other key", upload, 1, b"x")
        with self.refused("NoSuchUpload", 404):
            self.complete("k", "forged", [{"PartNumber": 1, "ETag": "x"}])
        with self.refused("NoSuchUpload", 404):
            self.s3.list_parts(Bucket="parts", Key="k", UploadId="forged")
        with self.refused("NoSuchUpload", 404):
            self.s3.abort_multipart_upload(Bucket="parts", Key="k", UploadId="forged")

    def test_part_numbers(self):
        upload = self.begin("numbers")
        for number in ("0", "10001", "-1", "x", "", "99999999999999999999"):
            with self.subTest(number):
                self.raw_refused("InvalidArgument", 400, "PUT", "/parts/numbers",
                                 f"partNumber={number}&uploadId={upload}", body=b"x")

    def test_an_aborted_upload_is_gone(self):
        before = len(object_files(self.cloud))
        upload = self.begin("aborted")
        part = self.part("aborted", upload, 1, random_bytes(MIB))
        self.assertEqual(len(object_files(self.cloud)), before + 1)
        self.s3.abort_multipart_upload(Bucket="parts", Key="aborted", UploadId=upload)
        wait_until(lambda: len(object_files(self.cloud)) == before, 10, "the part is removed")
        with self.refused("NoSuchUpload", 404):
            self.complete("aborted", upload, [part])
        with self.refused("NoSuchUpload", 404):
            self.part("aborted", upload, 1, b"x")
        with self.refused("NoSuchKey", 404):
            self.get("parts", "aborted")

    def test_wrong_digests_of_a_part(self):
        upload = self.begin("digest")
        with self.refused("BadDigest", 400):
            self.part("digest", upload, 1, b"x", ContentMD5=md5_base64(b"y"))
        self.raw_refused("XAmzContentSHA256Mismatch", 400, "PUT", "/parts/digest",
                         f"partNumber=1&uploadId={upload}", body=b"x", payload="0" * 64)
        self.assertNotIn("Parts", self.s3.list_parts(Bucket="parts", Key="digest", UploadId=upload))


class ChecksumTest(MultipartTestCase):
    def test_a_composite_checksum(self):
        for name, size in (("SHA256", 32), ("SHA1", 20), ("CRC32", 4)):
            bodies = [random_bytes(PART, 1), b"end"]
            key = f"composite-{name}"
            upload = self.begin(key, ChecksumAlgorithm=name)
            parts = [self.part(key, upload, number, body, ChecksumAlgorithm=name)
                     for number, body in enumerate(bodies, 1)]
            raw = [base64.b64decode(part[f"Checksum{name}"]) for part in parts]
            self.assertEqual([len(item) for item in raw], [size, size])
            reply = self.complete(key, upload, parts)
            whole = zlib.crc32(b"".join(raw)).to_bytes(4, "big") if name == "CRC32" else \
                hashlib.new(name.lower(), b"".join(raw)).digest()
            wanted = base64.b64encode(whole).decode() + "-2"
            self.assertEqual(reply[f"Checksum{name}"], wanted)
            attributes = self.s3.get_object_attributes(
                Bucket="parts", Key=key,
                ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize", "ETag"])
            self.assertEqual(attributes["Checksum"][f"Checksum{name}"].partition("-")[0],
                             wanted.partition("-")[0])
            self.assertEqual(attributes["ObjectSize"], PART + 3)
            listed = attributes["ObjectParts"]
            self.assertEqual(listed["TotalPartsCount"], 2)
            self.assertEqual([item["Size"] for item in listed["Parts"]], [PART, 3])
            self.assertEqual([item[f"Checksum{name}"] for item in listed["Parts"]],
                             [part[f"Checksum{name}"] for part in parts])

    def test_a_full_checksum(self):
        bodies = [random_bytes(PART, 4), b"end"]
        whole = base64.b64encode(zlib.crc32(b"".join(bodies)).to_bytes(4, "big")).decode()
        for wanted, status in ((whole, 200), ("AAAAAA==", 400)):
            reply = self.wire.call("POST", "/parts/full", "uploads", headers={
                "x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"})
            self.assertEqual(reply.headers["x-amz-checksum-type"], "FULL_OBJECT")
            upload = reply.text("UploadId")
            parts = [self.part("full", upload, number, body, ChecksumAlgorithm="CRC32")
                     for number, body in enumerate(bodies, 1)]
            document = "".join(
                f"<Part><PartNumber>{part['PartNumber']}</PartNumber><ETag>{part['ETag']}</ETag>"
                "</Part>" for part in parts)
            reply = self.wire.call(
                "POST", "/parts/full", f"uploadId={upload}",
                headers={"x-amz-checksum-crc32": wanted, "x-amz-checksum-type": "FULL_OBJECT"},
                body=f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>".encode())
            if status == 200:
                self.assert_status(reply, 200)
                self.assertEqual(reply.text("ChecksumCRC32"), whole)
                self.assertEqual(reply.text("ChecksumType"), "FULL_OBJECT")
            else:
                self.assert_error(reply, "BadDigest", 400)

    def test_a_part_with_another_checksum(self):
        upload = self.begin("another", ChecksumAlgorithm="SHA256")
        with self.refused("InvalidRequest", 400):
            self.part("another", upload, 1, b"x", ChecksumAlgorithm="SHA1")

    def test_a_wrong_checksum_at_the_end(self):
        upload = self.begin("end", ChecksumAlgorithm="SHA256")
        part = self.part("end", upload, 1, b"x", ChecksumAlgorithm="SHA256")
        wrong = base64.b64encode(hashlib.sha256(b"y").digest()).decode()
        with self.refused("InvalidPart", 400):
            self.complete("end", upload, [{**part, "ChecksumSHA256": wrong}])
        self.complete("end", upload, [part])


class EncryptedTest(MultipartTestCase):
    KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}

    def test_parts_with_a_customers_key(self):
        bodies = [random_bytes(PART, 1), random_bytes(999, 2)]
        upload = self.begin("secret", **self.KEY)
        parts = [self.part("secret", upload, number, body, **self.KEY)
                 for number, body in enumerate(bodies, 1)]
        with self.refused("InvalidRequest", 400):
            self.part("secret", upload, 3, b"x")
        self.complete("secret", upload, parts)
        whole = b"".join(bodies)
        self.assertEqual(self.get("parts", "secret", **self.KEY), whole)
        self.assertEqual(self.get("parts", "secret", Range=f"bytes={PART - 5}-{PART + 5}",
                                  **self.KEY), whole[PART - 5:PART + 6])
        with self.refused("InvalidRequest", 400):
            self.get("parts", "secret")


class ListTest(MultipartTestCase):
    def test_parts_are_listed_in_pages(self):
        upload = self.begin("listed")
        numbers = [1, 2, 5, 9, 10, 11]
        etags = {number: self.part("listed", upload, number, b"p" * number)["ETag"]
                 for number in reversed(numbers)}
        for size in (1, 2, 4, 1000):
            found = []
            for page in self.s3.get_paginator("list_parts").paginate(
                    Bucket="parts", Key="listed", UploadId=upload,
                    PaginationConfig={"PageSize": size}):
                self.assertEqual(page["MaxParts"], size)
                self.assertLessEqual(len(page["Parts"]), size)
                found += [(part["PartNumber"], part["Size"], part["ETag"])
                          for part in page["Parts"]]
            self.assertEqual(found, [(number, number, etags[number]) for number in numbers])
        reply = self.s3.list_parts(Bucket="parts", Key="listed", UploadId=upload, MaxParts=2)
        self.assertEqual((reply["Bucket"], reply["Key"], reply["UploadId"], reply["IsTruncated"],
                          reply["NextPartNumberMarker"], reply["StorageClass"]),
                         ("parts", "listed", upload, True, 2, "STANDARD"))
        self.assertEqual(reply["Owner"]["ID"], reply["Initiator"]["ID"])

    def test_uploads_are_listed_in_pages(self):
        bucket = self.new_bucket()
        keys = ["a", "a", "a/1", "a/2", "b", "ü/x", "ü/y", "ü/y"]
        ids = [(key, self.s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"])
               for key in keys]
        for size in (1, 2, 3, 1000):
            found = []
            for page in self.s3.get_paginator("list_multipart_uploads").paginate(
                    Bucket=bucket, PaginationConfig={"PageSize": size}):
                found += [(item["Key"], item["UploadId"]) for item in page.get("Uploads", ())]
            self.assertEqual([key for key, _ in found], keys, size)
            self.assertEqual(sorted(found), sorted(ids))
        reply = self.s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
        self.assertEqual([item["Key"] for item in reply["Uploads"]], ["a", "a", "b"])
        self.assertEqual([item["Prefix"] for item in reply["CommonPrefixes"]], ["a/", "ü/"])
        reply = self.s3.list_multipart_uploads(Bucket=bucket, Prefix="ü/")
        self.assertEqual(len(reply["Uploads"]), 3)
        for key, id in ids:
            self.s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=id)
        self.assertNotIn("Uploads", self.s3.list_multipart_uploads(Bucket=bucket))

    def test_numbers_that_are_none(self):
        upload = self.begin("bad numbers")
        for query in ("uploads&max-uploads=-1", "uploads&max-uploads=x"):
            self.raw_refused("InvalidArgument", 400, "GET", "/parts", query)
        for query in ("max-parts=-1", "max-parts=x", "part-number-marker=-1",
                      "part-number-marker=x"):
            self.raw_refused("InvalidArgument", 400, "GET", "/parts/bad%20numbers",
                             f"uploadId={upload}&{query}")


class CopyTest(MultipartTestCase):
    def test_parts_copied_from_objects(self):
        source = random_bytes(12 * MIB, 3)
        self.put("parts", "source", source)
        upload = self.begin("assembled")
        parts = []
        for number, text in enumerate((f"bytes=0-{PART - 1}", f"bytes={MIB}-{MIB + PART - 1}",
                                       f"bytes={12 * MIB - 10}-{12 * MIB - 1}"), 1):
            reply = self.s3.upload_part_copy(
                Bucket="parts", Key="assembled", UploadId=upload, PartNumber=number,
                CopySource={"Bucket": "parts", "Key": "source"}, CopySourceRange=text)
            self.assertIn("LastModified", reply["CopyPartResult"])
            parts.append({"PartNumber": number, "ETag": reply["CopyPartResult"]["ETag"]})
        self.complete("assembled", upload, parts)
        self.assertEqual(self.get("parts", "assembled"),
                         source[:PART] + source[MIB:MIB + PART] + source[-10:])

    def test_a_whole_object_as_a_part(self):
        self.put("parts", "small source", b"small")
        upload = self.begin("from small")
        reply = self.s3.upload_part_copy(
            Bucket="parts", Key="from small", UploadId=upload, PartNumber=1,
            CopySource={"Bucket": "parts", "Key": "small source"})
        self.complete("from small", upload, [
            {"PartNumber": 1, "ETag": reply["CopyPartResult"]["ETag"]}])
        self.assertEqual(self.get("parts", "from small"), b"small")

    def test_ranges_of_a_source(self):
        self.put("parts", "ten", b"0123456789")
        upload = self.begin("bad range")
        for text in ("bytes=0-10", "bytes=5-", "bytes=-5", "bytes=5-2", "0-3", "bytes=a-b"):
            with self.subTest(text):
                reply = self.wire.call(
                    "PUT", "/parts/bad%20range", f"partNumber=1&uploadId={upload}",
                    headers={"x-amz-copy-source": "/parts/ten", "x-amz-copy-source-range": text})
                self.assertEqual((reply.status, reply.code), (400, "InvalidArgument"), reply)

    def test_a_copy_of_parts_is_one_object(self):
        bodies = [random_bytes(PART, 1), b"end"]
        self.upload("of parts", bodies)
        self.s3.copy_object(Bucket="parts", Key="of one",
                            CopySource={"Bucket": "parts", "Key": "of parts"})
        head = self.s3.head_object(Bucket="parts", Key="of one")
        self.assertEqual(head["ETag"], f'"{hashlib.md5(b"".join(bodies)).hexdigest()}"')
        self.s3.delete_object(Bucket="parts", Key="of parts")
        self.assertEqual(self.get("parts", "of one"), b"".join(bodies))


if __name__ == "__main__":
    unittest.main()
