# Splits a MIME multipart message into files out/001, out/002.base64, …: each part's body, or a
# nested multipart whole, with its headers.

function parameter(text, name,    at, value) {
    at = match(tolower(text), name "=")
    if (!at)
        return ""
    value = substr(text, at + length(name) + 1)
    if (substr(value, 1, 1) == "\"") {
        value = substr(value, 2)
        sub(/".*/, "", value)
    } else {
        sub(/[ \t;].*/, "", value)
    }
    return value
}

function begin_part() {
    header = ""
    headers = ""
    type = ""
    encoding = ""
    in_headers = 1
}

function end_header() {
    if (tolower(header) ~ /^content-type:/)
        type = header
    if (tolower(header) ~ /^content-transfer-encoding:/)
        encoding = tolower(header)
    header = ""
}

function open_part() {
    in_headers = 0
    file = sprintf("%s/%03d", out, ++count)
    if (tolower(type) ~ /multipart\//)
        printf "%s\n", headers > file
    else if (encoding ~ /base64/)
        file = file ".base64"
}

BEGIN {
    begin_part()
    preamble = 1
}

{
    line = $0
    sub(/\r$/, "", line)
}

boundary != "" && line == "--" boundary "--" {
    exit
}

boundary != "" && line == "--" boundary {
    if (file != "")
        close(file)
    file = ""
    preamble = 0
    begin_part()
    next
}

in_headers && line == "" {
    end_header()
    if (boundary == "") {
        boundary = parameter(type, "boundary")
        if (boundary == "")
            exit
        in_headers = 0
    } else if (!preamble) {
        open_part()
    }
    next
}

in_headers {
    headers = headers line "\n"
    if (line ~ /^[ \t]/) {
        header = header line
    } else {
        end_header()
        header = line
    }
    next
}

file != "" {
    print line > file
}
