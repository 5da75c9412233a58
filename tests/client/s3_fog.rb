# fog-aws against S3: ruby s3_fog.rb STEP. Endpoint and keys come from the environment; BUCKET is
# the step's own. Whatever is not as it should be raises.

require "fog/aws"
require "net/http"
require "resolv"
require "stringio"
require "uri"

# Wherever the endpoint is, fog asks s3.amazonaws.com for the list of buckets. Every name is this
# computer here; nobody is asked for it.
Resolv.singleton_class.prepend(Module.new do
  def each_address(_name)
    yield "127.0.0.1"
  end
end)

ENDPOINT = URI(ENV.fetch("AWS_ENDPOINT_URL"))
BUCKET = ENV.fetch("BUCKET")

def storage(options = {})
  Fog::Storage.new({
    provider: "AWS", aws_access_key_id: ENV.fetch("AWS_ACCESS_KEY_ID"),
    aws_secret_access_key: ENV.fetch("AWS_SECRET_ACCESS_KEY"), region: ENV.fetch("AWS_REGION"),
    endpoint: ENDPOINT.to_s, path_style: true,
    aws_signature_version: ENV.fetch("SIGNATURE").to_i
  }.merge(options))
end

S3 = storage

def equal(found, wanted)
  raise "#{found.inspect} instead of #{wanted.inspect}" unless found == wanted
end

def refused(kind, word)
  yield
rescue kind => error
  raise "no #{word}: #{error.message}" unless error.message.include?(word)
else
  raise "#{word} was not raised"
end

STEPS = {
  "buckets" => lambda {
    S3.directories.create(key: BUCKET)
    raise "not listed" unless S3.directories.map(&:key).include?(BUCKET)

    equal(S3.directories.get(BUCKET).location, "us-east-1")
    S3.directories.get(BUCKET).destroy
    equal(S3.directories.get(BUCKET), nil)
  },
  "objects" => lambda {
    directory = S3.directories.create(key: BUCKET)
    { "plain" => "bytes", "empty" => "", "a b/ü+%&=" => "odd", "日本語" => "x" * 100_000 }
      .each do |name, body|
        file = directory.files.create(key: name, body: body, content_type: "text/x",
                                      cache_control: "no-store",
                                      metadata: { "x-amz-meta-a" => "b" })
        found = directory.files.get(name)
        equal(found.body.b, body.b)
        equal(found.content_type, "text/x")
        equal(found.cache_control, "no-store")
        equal(found.metadata["x-amz-meta-a"], "b")
        equal(found.etag, file.etag)
        equal(directory.files.head(name).content_length, body.bytesize)
      end
    equal(directory.files.map(&:key), ["a b/ü+%&=", "empty", "plain", "日本語"])
    equal(directory.files.get("absent"), nil)
    part = S3.get_object(BUCKET, "plain", "Range" => "bytes=1-3")
    equal(part.body, "yte")
    equal(part.status, 206)
    S3.delete_multiple_objects(BUCKET, ["empty", "日本語"])
    refused(Excon::Error::Conflict, "BucketNotEmpty") { S3.delete_bucket(BUCKET) }
    directory.files.each(&:destroy)
    directory.destroy
  },
  "lists" => lambda {
    S3.put_bucket(BUCKET)
    %w[a/1 a/2 b c].each { |name| S3.put_object(BUCKET, name, "1") }
    level = S3.get_bucket(BUCKET, "delimiter" => "/").body
    equal(level["CommonPrefixes"], ["a/"])
    equal(level["Contents"].map { |item| item["Key"] }, %w[b c])
    page = S3.get_bucket(BUCKET, "max-keys" => 2).body
    equal(page["IsTruncated"], true)
    rest = S3.get_bucket(BUCKET, "marker" => "a/2").body
    equal(rest["Contents"].map { |item| item["Key"] }, %w[b c])
  },
  "parts" => lambda {
    directory = S3.directories.create(key: BUCKET)
    body = Random.new(1).bytes(12 * 1024 * 1024)
    directory.files.create(key: "large", body: StringIO.new(body),
                           multipart_chunk_size: 5 * 1024 * 1024)
    file = directory.files.get("large")
    equal(file.body.b, body)
    raise file.etag unless file.etag.end_with?("-3")

    upload = S3.initiate_multipart_upload(BUCKET, "other").body["UploadId"]
    S3.upload_part(BUCKET, "other", upload, 1, "part")
    equal(S3.list_parts(BUCKET, "other", upload).body["Part"].size, 1)
    equal(S3.list_multipart_uploads(BUCKET).body["Upload"].size, 1)
    S3.abort_multipart_upload(BUCKET, "other", upload)
  },
  "copies" => lambda {
    directory = S3.directories.create(key: BUCKET)
    directory.files.create(key: "a b", body: "copied").copy(BUCKET, "to")
    equal(directory.files.get("to").body, "copied")
  },
  "versions" => lambda {
    directory = S3.directories.create(key: BUCKET)
    directory.versioning = true
    %w[1 2].each { |body| directory.files.create(key: "k", body: body) }
    directory.files.get("k").destroy
    equal(directory.files.get("k"), nil)
    versions = directory.versions.all
    equal(versions.size, 3)
    equal(versions.first.delete_marker, true)
    versions.each { |version| S3.delete_object(BUCKET, "k", "versionId" => version.version) }
    directory.destroy
  },
  "addresses" => lambda {
    directory = S3.directories.create(key: BUCKET)
    file = directory.files.create(key: "a b+ü", body: "signed")
    equal(Net::HTTP.get(URI(file.url(Time.now + 60))).b, "signed")
  },
  "acls" => lambda {
    directory = S3.directories.create(key: BUCKET)
    directory.files.create(key: "k", body: "1", public: true)
    equal(Net::HTTP.get(ENDPOINT.host, "/#{BUCKET}/k", ENDPOINT.port), "1")
    grants = S3.get_object_acl(BUCKET, "k").body["AccessControlList"]
    equal(grants.map { |grant| grant["Permission"] }.sort, %w[FULL_CONTROL READ])
  },
  "refusals" => lambda {
    wrong = storage(aws_secret_access_key: "wrong")
    refused(Excon::Error::Forbidden, "SignatureDoesNotMatch") { wrong.get_service }
    refused(Excon::Error::NotFound, "NoSuchBucket") { S3.get_bucket(BUCKET) }
  }
}.freeze

STEPS.fetch(ARGV[0]).call
