<?php
// Says which machine answers: behind a load balancer, that is what one wants to see.

const SERVICE = 'http://169.254.169.254/latest/';
const ROWS = [
    'Instance' => 'meta-data/instance-id',
    'Type' => 'meta-data/instance-type',
    'Zone' => 'meta-data/placement/availability-zone',
    'Private address' => 'meta-data/local-ipv4',
    'Public address' => 'meta-data/public-ipv4',
    'Image' => 'meta-data/ami-id',
];

// What a request is answered with, or null.
function ask(string $method, string $path, array $headers): ?string
{
    $context = stream_context_create(['http' => [
        'method' => $method, 'header' => $headers, 'timeout' => 2,
    ]]);
    $answer = @file_get_contents(SERVICE . $path, false, $context);
    return $answer === false ? null : $answer;
}

function values(): array
{
    $token = ask('PUT', 'api/token', ['X-aws-ec2-metadata-token-ttl-seconds: 60']);
    $headers = $token === null ? [] : ["X-aws-ec2-metadata-token: $token"];
    return array_map(fn ($path) => ask('GET', $path, $headers), ROWS);
}

// Apache's own /tmp, which ends with it, remembers them: they stay until the machine is stopped.
function remembered_values(): array
{
    $file = sys_get_temp_dir() . '/instance.json';
    $values = @json_decode((string) @file_get_contents($file), true);
    if (!is_array($values)) {
        $values = values();
        if ($values['Instance'] !== null) {
            file_put_contents("$file." . getmypid(), json_encode($values));
            rename("$file." . getmypid(), $file);
        }
    }
    return $values;
}

$values = ['Host' => gethostname()] + remembered_values();
$title = htmlspecialchars($values['Instance'] ?? gethostname());
header('Cache-Control: no-store');
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="generator" content="PHP <?= PHP_VERSION ?>">
<meta name="viewport" content="width=device-width">
<title><?= $title ?></title>
<style>
body { font: 16px/1.5 sans-serif; margin: 3em auto; max-width: 34em; padding: 0 1em }
td { padding: .2em 1.5em .2em 0 }
</style>
<h1><?= $title ?></h1>
<table>
<?php foreach ($values as $name => $value): ?>
<tr><td><?= $name ?><td><?= htmlspecialchars($value ?? 'none') . "\n" ?>
<?php endforeach ?>
</table>
</html>
