// The AWS SDK for JavaScript against S3: node s3.mjs STEP. Endpoint, keys and region come from the
// environment; BUCKET is the step's own. Whatever is not as it should be throws.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import http from "node:http";
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CopyObjectCommand,
  CreateBucketCommand, CreateMultipartUploadCommand, DeleteBucketCommand, DeleteObjectCommand,
  DeleteObjectsCommand, GetBucketLocationCommand, GetObjectAttributesCommand, GetObjectCommand,
  GetObjectTaggingCommand, HeadBucketCommand, HeadObjectCommand, ListBucketsCommand,
  ListMultipartUploadsCommand, ListObjectsCommand, ListObjectsV2Command, ListObjectVersionsCommand,
  ListPartsCommand, PutBucketVersioningCommand, PutObjectCommand, PutObjectTaggingCommand,
  S3Client, UploadPartCommand, UploadPartCopyCommand, paginateListObjectsV2, waitUntilObjectExists,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const MIB = 1024 * 1024;
const endpoint = process.env.AWS_ENDPOINT_URL;
const Bucket = process.env.BUCKET;

function client(options = {}) {
  return new S3Client({ endpoint, region: process.env.AWS_REGION, maxAttempts: 1, ...options });
}

const s3 = client();
const send = (Command, input) => s3.send(new Command({ Bucket, ...input }));
const random = (size) => crypto.randomBytes(size);
const md5 = (data) => crypto.createHash("md5").update(data).digest("hex");
const bytes = async (reply) => Buffer.from(await reply.Body.transformToByteArray());
const get = async (input) => bytes(await send(GetObjectCommand, input));

/** A stream, for which the SDK sends aws-chunked with a trailer. In pieces as files are read: S3
 * wants at least 8 KiB in all but the last. */
function streamOf(data, size = 65536) {
  return Readable.from((function* () {
    for (let at = 0; at < data.length; at += size) {
      yield data.subarray(at, at + size);
    }
  })());
}

async function refused(name, status, call) {
  await assert.rejects(call, (error) => {
    if (name) {
      assert.equal(error.name, name, `${error}`);
    }
    assert.equal(error.$metadata.httpStatusCode, status);
    return true;
  });
}

const steps = {
  async buckets() {
    await send(CreateBucketCommand);
    const { Buckets, Owner } = await s3.send(new ListBucketsCommand({}));
    assert.ok(Buckets.some((bucket) => bucket.Name === Bucket && bucket.CreationDate < new Date(
      Date.now() + 60000)));
    assert.match(Owner.ID, /^[0-9a-f]{64}$/);
    await send(HeadBucketCommand);
    assert.equal((await send(GetBucketLocationCommand)).LocationConstraint, undefined);
    await send(DeleteBucketCommand);
    await refused("NotFound", 404, () => send(HeadBucketCommand));
    await refused("NoSuchBucket", 404, () => send(ListObjectsV2Command));
  },

  async objects() {
    await send(CreateBucketCommand);
    const keys = ["plain", "a b/ü+%&=?#\\", "日本語/😀", "a//b", "../x", "x".repeat(1024), "a'(b)*!"];
    for (const Key of keys) {
      const Body = Buffer.from(Key);
      const put = await send(PutObjectCommand, {
        Key, Body, ContentType: "text/x-odd", CacheControl: "no-store",
        Metadata: { a: "b", "with-dash": "c  d" }, Tagging: "t=1",
      });
      assert.equal(put.ETag, `"${md5(Body)}"`);
      assert.ok(put.ChecksumCRC32 || put.ChecksumCRC64NVME, "the SDK sends a checksum");
      const found = await send(GetObjectCommand, { Key, ChecksumMode: "ENABLED" });
      assert.deepEqual(await bytes(found), Body);
      assert.equal(found.ContentType, "text/x-odd");
      assert.equal(found.CacheControl, "no-store");
      assert.deepEqual(found.Metadata, { a: "b", "with-dash": "c  d" });
      assert.equal(found.TagCount, 1);
      assert.equal((await send(HeadObjectCommand, { Key })).ContentLength, Body.length);
    }
    const listed = (await send(ListObjectsV2Command)).Contents.map((item) => item.Key);
    assert.deepEqual(listed, [...keys].sort((a, b) => Buffer.compare(Buffer.from(a),
                                                                     Buffer.from(b))));
    const { Deleted, Errors } = await send(DeleteObjectsCommand, {
      Delete: { Objects: keys.map((Key) => ({ Key })) },
    });
    assert.equal(Deleted.length, keys.length);
    assert.equal(Errors, undefined);
    assert.equal((await send(ListObjectsV2Command)).KeyCount, 0);
    await refused("NoSuchKey", 404, () => send(GetObjectCommand, { Key: "plain" }));
    await refused("NotFound", 404, () => send(HeadObjectCommand, { Key: "plain" }));
    await send(DeleteBucketCommand);
  },

  async streams() {
    await send(CreateBucketCommand);
    for (const size of [0, 1, 8191, 8192, 100000, 3 * MIB]) {
      const data = random(size);
      await send(PutObjectCommand, { Key: "stream", Body: streamOf(data), ContentLength: size });
      const found = await send(GetObjectCommand, { Key: "stream" });
      assert.equal(found.ContentEncoding, undefined);
      assert.deepEqual(await bytes(found), data);
    }
  },

  async checksums() {
    await send(CreateBucketCommand);
    for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
      for (const stream of [false, true]) {
        const data = random(50000);
        let put;
        try {
          put = await send(PutObjectCommand, {
            Key: "sum", Body: stream ? streamOf(data) : data, ContentLength: data.length,
            ChecksumAlgorithm,
          });
        } catch (error) {
          if (/optional|@aws-sdk\/crc64|install/i.test(error.message)) {
            continue; // the SDK has this one in another package
          }
          throw error;
        }
        const name = `Checksum${ChecksumAlgorithm}`;
        assert.ok(put[name], name);
        const found = await send(GetObjectCommand, { Key: "sum", ChecksumMode: "ENABLED" });
        assert.equal(found[name], put[name]);
        assert.deepEqual(await bytes(found), data);
        const attributes = await send(GetObjectAttributesCommand, {
          Key: "sum", ObjectAttributes: ["Checksum", "ObjectSize"],
        });
        assert.equal(attributes.Checksum[name], put[name]);
        assert.equal(attributes.Checksum.ChecksumType, "FULL_OBJECT");
      }
    }
    await refused("BadDigest", 400, () => send(PutObjectCommand, {
      Key: "wrong", Body: "body", ChecksumCRC32: "AAAAAA==",
    }));
  },

  async ranges() {
    await send(CreateBucketCommand);
    const data = random(200000);
    await send(PutObjectCommand, { Key: "k", Body: data });
    for (const [text, first, end] of [["0-9", 0, 10], ["100-", 100], ["-5", data.length - 5]]) {
      assert.deepEqual(await get({ Key: "k", Range: `bytes=${text}` }), data.subarray(first, end));
    }
    await refused("InvalidRange", 416, () => send(GetObjectCommand, {
      Key: "k", Range: "bytes=200000-",
    }));
    const { ETag } = await send(HeadObjectCommand, { Key: "k" });
    await refused(null, 304, () => send(GetObjectCommand, { Key: "k", IfNoneMatch: ETag }));
    await refused("PreconditionFailed", 412, () => send(GetObjectCommand, {
      Key: "k", IfMatch: '"0"',
    }));
    await refused("PreconditionFailed", 412, () => send(PutObjectCommand, {
      Key: "k", Body: "x", IfNoneMatch: "*",
    }));
  },

  async lists() {
    await send(CreateBucketCommand);
    const keys = ["a/1", "a/2", "b", "z z", "ü/1"];
    await Promise.all(keys.map((Key) => send(PutObjectCommand, { Key, Body: "1" })));
    const level = await send(ListObjectsV2Command, { Delimiter: "/" });
    assert.deepEqual(level.Contents.map((item) => item.Key), ["b", "z z"]);
    assert.deepEqual(level.CommonPrefixes.map((item) => item.Prefix), ["a/", "ü/"]);
    assert.equal(level.KeyCount, 4);
    const found = [];
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) {
      assert.ok(page.Contents.length <= 2);
      found.push(...page.Contents.map((item) => item.Key));
    }
    assert.deepEqual(found, keys);
    const old = await send(ListObjectsCommand, { Prefix: "a/", MaxKeys: 1, EncodingType: "url" });
    assert.equal(old.IsTruncated, true);
    assert.equal(old.Contents[0].Size, 1);
  },

  async multipart() {
    await send(CreateBucketCommand);
    const { UploadId } = await send(CreateMultipartUploadCommand, {
      Key: "k", ContentType: "text/x", Metadata: { m: "1" },
    });
    const bodies = [random(5 * MIB), random(5 * MIB + 1), random(10)];
    const parts = [];
    for (const index of [2, 0, 1]) {
      const { ETag } = await send(UploadPartCommand, {
        Key: "k", UploadId, PartNumber: index + 1, Body: bodies[index],
      });
      parts[index] = { PartNumber: index + 1, ETag };
    }
    const listed = await send(ListPartsCommand, { Key: "k", UploadId });
    assert.deepEqual(listed.Parts.map((part) => [part.PartNumber, part.Size]),
                     bodies.map((body, index) => [index + 1, body.length]));
    assert.equal((await send(ListMultipartUploadsCommand)).Uploads[0].UploadId, UploadId);
    const done = await send(CompleteMultipartUploadCommand, {
      Key: "k", UploadId, MultipartUpload: { Parts: parts },
    });
    assert.match(done.ETag, /-3"$/);
    assert.deepEqual(await get({ Key: "k" }), Buffer.concat(bodies));
    assert.equal((await send(HeadObjectCommand, { Key: "k" })).Metadata.m, "1");
    const other = await send(CreateMultipartUploadCommand, { Key: "k2" });
    const copied = await send(UploadPartCopyCommand, {
      Key: "k2", UploadId: other.UploadId, PartNumber: 1, CopySource: `${Bucket}/k`,
      CopySourceRange: "bytes=5-14",
    });
    assert.match(copied.CopyPartResult.ETag, /^"/);
    await send(AbortMultipartUploadCommand, { Key: "k2", UploadId: other.UploadId });
    await refused("NoSuchUpload", 404, () => send(ListPartsCommand, {
      Key: "k2", UploadId: other.UploadId,
    }));
  },

  async upload() {
    await send(CreateBucketCommand);
    for (const size of [100, 12 * MIB + 5]) {
      const data = random(size);
      const upload = new Upload({
        client: s3, params: { Bucket, Key: "uploaded", Body: streamOf(data) },
        partSize: 5 * MIB, queueSize: 3,
      });
      const done = await upload.done();
      assert.equal(done.Key, "uploaded");
      assert.deepEqual(await get({ Key: "uploaded" }), data);
    }
    await waitUntilObjectExists({ client: s3, maxWaitTime: 30, minDelay: 1, maxDelay: 2 },
                                { Bucket, Key: "uploaded" });
  },

  async versions() {
    await send(CreateBucketCommand);
    await send(PutBucketVersioningCommand, { VersioningConfiguration: { Status: "Enabled" } });
    const ids = [];
    for (const Body of ["1", "2"]) {
      ids.push((await send(PutObjectCommand, { Key: "k", Body })).VersionId);
    }
    const marker = await send(DeleteObjectCommand, { Key: "k" });
    assert.equal(marker.DeleteMarker, true);
    await refused("NoSuchKey", 404, () => send(GetObjectCommand, { Key: "k" }));
    const all = await send(ListObjectVersionsCommand);
    assert.deepEqual(all.Versions.map((item) => item.VersionId), ids.reverse());
    assert.equal(all.DeleteMarkers[0].VersionId, marker.VersionId);
    await send(DeleteObjectCommand, { Key: "k", VersionId: marker.VersionId });
    assert.equal((await get({ Key: "k" })).toString(), "2");
    assert.equal((await get({ Key: "k", VersionId: ids[1] })).toString(), "1");
  },

  async copies() {
    await send(CreateBucketCommand);
    await send(PutObjectCommand, { Key: "a b/ü", Body: "copied", Metadata: { m: "1" } });
    const copy = await send(CopyObjectCommand, {
      Key: "to", CopySource: encodeURI(`${Bucket}/a b/ü`),
    });
    assert.equal(copy.CopyObjectResult.ETag, `"${md5("copied")}"`);
    const found = await send(GetObjectCommand, { Key: "to" });
    assert.equal((await bytes(found)).toString(), "copied");
    assert.equal(found.Metadata.m, "1");
    await send(PutObjectTaggingCommand, { Key: "to", Tagging: { TagSet: [
      { Key: "a", Value: "1" }, { Key: "b c", Value: "" }] } });
    assert.equal((await send(GetObjectTaggingCommand, { Key: "to" })).TagSet.length, 2);
  },

  async presigned() {
    await send(CreateBucketCommand);
    const Key = "pre signed/ü+";
    const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key }), { expiresIn: 60 });
    assert.equal((await fetch(put, { method: "PUT", body: "by fetch" })).status, 200);
    const url = await getSignedUrl(s3, new GetObjectCommand({
      Bucket, Key, ResponseContentType: "text/x",
    }));
    const reply = await fetch(url);
    assert.equal(reply.headers.get("content-type"), "text/x");
    assert.equal(await reply.text(), "by fetch");
    assert.equal((await fetch(url.replace(/.$/, (c) => (c === "0" ? "1" : "0")))).status, 403);
    assert.equal((await fetch(url.split("?")[0])).status, 403);
  },

  async virtual_hosts() {
    const { port } = new URL(endpoint);
    // bucket.localhost is this computer; nobody is asked for it.
    const lookup = (name, options, callback) => (options.all
      ? callback(null, [{ address: "127.0.0.1", family: 4 }])
      : callback(null, "127.0.0.1", 4));
    const hosted = client({
      endpoint: `http://localhost:${port}`,
      requestHandler: { httpAgent: new http.Agent({ lookup }) },
    });
    await hosted.send(new CreateBucketCommand({ Bucket }));
    await hosted.send(new PutObjectCommand({ Bucket, Key: "ü b", Body: "hosted" }));
    const found = await hosted.send(new GetObjectCommand({ Bucket, Key: "ü b" }));
    assert.equal((await bytes(found)).toString(), "hosted");
    assert.equal((await get({ Key: "ü b" })).toString(), "hosted");
    assert.equal((await hosted.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 1);
  },

  async refusals() {
    const wrong = client({ credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID,
                                          secretAccessKey: "wrong" } });
    await refused("SignatureDoesNotMatch", 403, () => wrong.send(new ListBucketsCommand({})));
    const nobody = client({ credentials: { accessKeyId: "AKIAAAAAAAAAAAAAAAAA",
                                           secretAccessKey: "x" } });
    await refused("InvalidAccessKeyId", 403, () => nobody.send(new ListBucketsCommand({})));
    await send(CreateBucketCommand);
    await send(PutObjectCommand, { Key: "k", Body: "1" });
    await refused("BucketNotEmpty", 409, () => send(DeleteBucketCommand));
    await refused("NoSuchUpload", 404, () => send(AbortMultipartUploadCommand, {
      Key: "k", UploadId: "x",
    }));
  },
};

await steps[process.argv[2]]();
