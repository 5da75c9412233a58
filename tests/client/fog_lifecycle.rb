# fog-aws as a child process: reads {"verb": …, "arguments": […]} a line, answers {"result": …}
# or {"refused": [code, message]}. The verbs are those of tests/lib/lifecycle.py.

require 'base64'
require 'json'
require 'fog/aws'

Fog::Logger[:warning] = nil
Fog::Logger[:deprecation] = nil

class Verbs
  def initialize
    @ec2 = Fog::AWS::Compute.new(
      aws_access_key_id: ENV.fetch('AWS_ACCESS_KEY_ID'),
      aws_secret_access_key: ENV.fetch('AWS_SECRET_ACCESS_KEY'),
      region: ENV.fetch('AWS_DEFAULT_REGION'),
      endpoint: "#{ENV.fetch('AWS_ENDPOINT_URL').chomp('/')}/"
    )
  end

  def create_key(name) = @ec2.key_pairs.create(name: name).private_key

  def import_key(name, public_key)
    @ec2.import_key_pair(name, public_key)
    nil
  end

  def keys = @ec2.key_pairs.to_h { |key| [key.name, key.fingerprint] }

  def delete_key(name) = @ec2.delete_key_pair(name).body['return']

  def create_group(name, description)
    @ec2.security_groups.create(name: name, description: description).name
  end

  def groups
    @ec2.security_groups.to_h do |group|
      rules = group.ip_permissions.flat_map do |permission|
        permission['ipRanges'].map do |range|
          [permission['ipProtocol'], permission['fromPort'], permission['toPort'], range['cidrIp']]
        end
      end
      [group.name, rules]
    end
  end

  def allow(name, protocol, low, high, cidr)
    rule = permission(protocol, low, high, cidr)
    @ec2.authorize_security_group_ingress(name, rule).body['return']
  end

  def revoke(name, protocol, low, high, cidr)
    rule = permission(protocol, low, high, cidr)
    @ec2.revoke_security_group_ingress(name, rule).body['return']
  end

  def delete_group(name) = @ec2.delete_security_group(name).body['return']

  def images(owner)
    @ec2.images.all('Owner' => owner).select { |image| image.type == 'machine' }
        .to_h { |image| [image.id, image.name] }
  end

  def run(image, count, key, groups, user_data, type)
    options = { 'KeyName' => key, 'UserData' => user_data, 'InstanceType' => type,
                'SecurityGroup' => groups.empty? ? nil : groups }.compact
    # fog's parser takes the items of network interfaces for more instances, without an id.
    items = @ec2.run_instances(image, count, count, options).body['instancesSet']
    items.filter_map { |item| item['instanceId'] }
  end

  def instances(ids, tags)
    filters = ids ? { 'instance-id' => ids } : {}
    (tags || {}).each { |key, value| filters["tag:#{key}"] = value }
    @ec2.describe_instances(filters).body['reservationSet'].flat_map do |reservation|
      reservation['instancesSet'].map { |item| instance(item, reservation['groupSet']) }
    end
  end

  def tag(id, tags) = @ec2.create_tags(id, tags).body['return']

  def untag(id, key) = @ec2.delete_tags(id, { key => nil }).body['return']

  def attribute(id, name)
    value = @ec2.describe_instance_attribute(id, name).body[name]
    name == 'userData' ? Base64.decode64(value).force_encoding('UTF-8') : value
  end

  def set_attribute(id, name, value)
    wire_name = "#{name[0].upcase}#{name[1..]}.Value"
    @ec2.modify_instance_attribute(id, wire_name => value).body['return']
  end

  def console(id) = @ec2.get_console_output(id).body['output'] || ''

  def start(id) = change(@ec2.start_instances(id))

  def stop(id) = change(@ec2.stop_instances(id))

  def terminate(id) = change(@ec2.terminate_instances(id))

  def reboot(id) = @ec2.reboot_instances(id).body['return']

  # A server as fog's users write it.
  def server_life(image)
    server = @ec2.servers.create(image_id: image, flavor_id: 'm1.small', tags: { 'Name' => 'fog' })
    server.wait_for(30, 0.05) { ready? }
    seen = { 'address' => server.public_ip_address, 'tags' => server.tags }
    server.stop
    server.wait_for(30, 0.05) { state == 'stopped' }
    server.start
    server.wait_for(30, 0.05) { ready? }
    server.destroy
    server.wait_for(30, 0.05) { state == 'terminated' }
    seen.merge('state' => server.state)
  end

  private

  def permission(protocol, low, high, cidr)
    { 'IpPermissions' => [{ 'IpProtocol' => protocol, 'FromPort' => low, 'ToPort' => high,
                            'IpRanges' => [{ 'CidrIp' => cidr }] }] }
  end

  def instance(item, groups)
    { id: item['instanceId'], state: item['instanceState']['name'], image: item['imageId'],
      type: item['instanceType'], key: item['keyName'], public_ip: item['ipAddress'],
      private_ip: item['privateIpAddress'], zone: item['placement']['availabilityZone'],
      index: item['amiLaunchIndex'], groups: groups, tags: item['tagSet'] }
  end

  def change(reply)
    item = reply.body['instancesSet'].first
    [item['previousState']['name'], item['currentState']['name']]
  end
end

# fog's own errors leave the code out of some; the reply has it.
def refusal(error)
  status = error.respond_to?(:response) ? error : error.cause
  body = status&.response&.body
  code = body && body[%r{<Code>(.*?)</Code>}, 1]
  raise error unless code

  [code, body[%r{<Message>(.*?)</Message>}m, 1].to_s]
end

$stdout.sync = true
verbs = Verbs.new
$stdin.each_line do |line|
  request = JSON.parse(line)
  answer = begin
    { result: verbs.public_send(request['verb'], *request['arguments']) }
  rescue Fog::Errors::Error, Excon::Error::HTTPStatus => e
    { refused: refusal(e) }
  end
  puts JSON.generate(answer)
end
