"""SOAP: everything that is refused, of a request's signature and of its envelope. tests/lib/soap.py
signs, rightly or wrongly."""

import base64
import concurrent.futures
import copy
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import unittest  # noqa: E402
from lxml import etree  # noqa: E402
from soap import DS, EXCLUSIVE, NAMES, SOAP, WSSE, WSU, find, post, timestamp  # noqa: E402
from soap_case import SoapTestCase  # noqa: E402

ID = f"{{{WSU}}}Id"


class SignatureTest(SoapTestCase):
    """Signatures that are not right, not of everything, or of something else."""

    def wrong(self, text, **how):
        self.refused("Client.AuthFailure", text, **how)

    def test_replays(self):
        request = self.signer.request("DescribeRegions")
        self.assertEqual(post(self.cloud.endpoint, request).status, 200)
        self.assert_refused("Client.AuthFailure", "answered already",
                            post(self.cloud.endpoint, request))
        # The same signature, written in another way.
        tree = etree.fromstring(request)
        find(tree, "ds:SignatureValue").text = "\n ".join(
            find(tree, "ds:SignatureValue").text.split())
        self.assert_refused("Client.AuthFailure", "answered already",
                            post(self.cloud.endpoint, etree.tostring(tree)))

    def test_replays_at_once(self):
        requests = [self.signer.request("DescribeRegions") for _ in range(20)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            faults = list(pool.map(lambda body: post(self.cloud.endpoint, body).fault,
                                   [body for body in requests for _ in range(4)]))
        self.assertEqual(faults.count(None), 20, faults)
        self.assertEqual(faults.count("Client.AuthFailure"), 60, faults)

    def test_times(self):
        for how in ({"created": -301}, {"created": -200, "expires": 100},
                    {"created": -10, "expires": -20}, {"created": -400, "expires": 3600}):
            self.refused("Client.RequestExpired", "has expired", **how)
        self.refused("Client.RequestExpired", "created in the future", created=330)
        self.call("DescribeRegions", created=200)
        self.call("DescribeRegions", created=-250, expires=3600)
        for text in ("yesterday", ""):
            def set_time(tree):
                find(tree, "wsu:Created").text = text
            self.wrong("The Timestamp must hold Created", before=set_time)

    def test_what_was_signed_is_changed(self):
        def body(tree):
            find(tree, "soap:Body")[0].tag = "{http://ec2.amazonaws.com/doc/2013-02-01/}" \
                "DescribeInstances"

        def time(tree):
            find(tree, "wsu:Expires").text = timestamp(299)

        def value(tree):
            find(tree, "ds:SignatureValue").text = base64.b64encode(b"x" * 256).decode()

        def short(tree):
            find(tree, "ds:SignatureValue").text = "AAAA"
        for change in (body, time, value, short):
            self.wrong("The signature is not of the certificate's key", after=change)

        def digest(number):
            def change(tree):  # the signature is right
                tree.findall(".//ds:DigestValue", NAMES)[number].text = base64.b64encode(
                    b"x" * 20).decode()
                self.signer.seal(tree)
            return change
        for number in (0, 1):
            self.wrong("The signature is not of the certificate's key", after=digest(number))

        def nonsense(tree):
            find(tree, "ds:SignatureValue").text = "?"
        self.wrong("The signature's value must be base64", after=nonsense)

    def test_something_is_not_signed(self):
        for part in ("body", "time"):
            def unsigned(tree):
                for reference in tree.findall(".//ds:Reference", NAMES):
                    if reference.get("URI").endswith(part):
                        reference.getparent().remove(reference)
            self.wrong("The signature must be of the Body and the Timestamp", before=unsigned)

        def twice(tree):
            first, second = tree.findall(".//ds:Reference", NAMES)
            second.set("URI", first.get("URI"))
        self.wrong("The signature must be of the Body and the Timestamp", before=twice)

        def more(tree):
            reference = find(tree, "ds:Reference")
            reference.addnext(copy.deepcopy(reference))
        self.wrong("The signature must be of the Body and the Timestamp", before=more)

    def wrapped(self, holder):
        """After signing: the signed Body is moved away, and another stands in its place. holder
        gets tree, Body and its place's new element."""
        def wrap(tree):
            signed = find(tree, "soap:Body")
            mine = copy.deepcopy(signed)
            mine[0].tag = "{http://ec2.amazonaws.com/doc/2013-02-01/}DescribeInstances"
            tree.replace(signed, mine)
            holder(tree, signed, mine)
        return wrap

    def test_the_body_is_wrapped(self):
        def beside(tree, signed, mine):  # the same id twice
            etree.SubElement(find(tree, "soap:Header"), "wrapper").append(signed)
        self.wrong("no id may be there twice", after=self.wrapped(beside))

        def other_id(tree, signed, mine):
            mine.set(ID, "mine")
            etree.SubElement(find(tree, "soap:Header"), "wrapper").append(signed)
        self.wrong("The signature must be of the Body and the Timestamp",
                   after=self.wrapped(other_id))

        def without_id(tree, signed, mine):
            del mine.attrib[ID]
            etree.SubElement(find(tree, "soap:Header"), "wrapper").append(signed)
        self.wrong("must have ids", after=self.wrapped(without_id))

        def plain_id(tree, signed, mine):  # an id that another reader might take for one
            signed.set("Id", signed.get(ID))
            del signed.attrib[ID]
            etree.SubElement(find(tree, "soap:Header"), "wrapper").append(signed)
        self.wrong("no id may be there twice", after=self.wrapped(plain_id))

        def in_the_signature(tree, signed, mine):
            mine.set(ID, "mine")
            etree.SubElement(find(tree, "ds:Signature"), f"{{{DS}}}Object").append(signed)
        self.wrong("The Signature must hold", after=self.wrapped(in_the_signature))

        def second(tree, signed, mine):
            mine.set(ID, "mine")
            tree.append(signed)
        self.refused("Client.MalformedXML", "one Header and one Body", after=self.wrapped(second))

        def inside(tree, signed, mine):
            mine.set(ID, "mine")
            mine.append(signed)
        self.refused("Client.MalformedXML", "must hold one element", after=self.wrapped(inside))

    def test_the_timestamp_is_wrapped(self):
        def wrap(tree):
            signed = find(tree, "wsu:Timestamp")
            mine = copy.deepcopy(signed)
            signed.getparent().replace(signed, mine)
            etree.SubElement(find(tree, "soap:Header"), "wrapper").append(signed)
            return mine
        self.wrong("no id may be there twice", after=wrap)
        self.wrong("The signature must be of the Body and the Timestamp",
                   after=lambda tree: wrap(tree).set(ID, "mine"))

        def twice(tree):
            time = find(tree, "wsu:Timestamp")
            time.addnext(copy.deepcopy(time))
        self.refused("Client.MalformedXML", "holds something twice", after=twice)

    def test_other_ways_to_sign(self):
        def transform(algorithm):
            def change(tree):
                find(tree, "ds:Transform").set("Algorithm", algorithm)
            return change
        for algorithm in ("http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
                          EXCLUSIVE + "WithComments", DS + "enveloped-signature",
                          "http://www.w3.org/TR/1999/REC-xpath-19991116",
                          "http://www.w3.org/TR/1999/REC-xslt-19991116"):
            self.wrong("one transform, which is exclusive", before=transform(algorithm))

        def no_transform(tree):
            reference = find(tree, "ds:Reference")
            reference.remove(find(reference, "ds:Transforms"))
        self.wrong("one transform, which is exclusive", before=no_transform)

        def two_transforms(tree):
            one = find(tree, "ds:Transform")
            one.addnext(copy.deepcopy(one))
        self.wrong("one transform, which is exclusive", before=two_transforms)

        def within(name, parent, **attributes):
            def add(tree):
                etree.SubElement(find(tree, parent), name, **attributes)
            return add
        for name, attributes in ((f"{{{EXCLUSIVE}}}InclusiveNamespaces", {"PrefixList": "a " * 65}),
                                 (f"{{{DS}}}XPath", {}), ("InclusiveNamespaces", {})):
            self.wrong("one transform, which is exclusive",
                       before=within(name, "ds:Transform", **attributes))
            self.wrong("canonicalization must be the exclusive one",
                       before=within(name, "ds:CanonicalizationMethod", **attributes))
        self.wrong("must be RSA with SHA-1 or SHA-256",
                   before=within(f"{{{DS}}}HMACOutputLength", "ds:SignatureMethod"))

        def inclusive(tree):
            find(tree, "ds:CanonicalizationMethod").set(
                "Algorithm", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")
        self.wrong("canonicalization must be the exclusive one", before=inclusive)
        for method in (DS + "hmac-sha1", DS + "dsa-sha1",
                       "http://www.w3.org/2001/04/xmldsig-more#rsa-md5", ""):
            def other_method(tree):
                find(tree, "ds:SignatureMethod").set("Algorithm", method)
            self.wrong("must be RSA with SHA-1 or SHA-256", before=other_method)

        def md5(tree):
            find(tree, "ds:DigestMethod").set(
                "Algorithm", "http://www.w3.org/2001/04/xmldsig-more#md5")
        self.wrong("digests of the signature must be", before=md5)

    def test_references_elsewhere(self):
        for uri in ("", "#", "http://127.0.0.1:1/", "file:///etc/passwd", "#xpointer(/)",
                    "#xpointer(id('body'))"):
            def elsewhere(tree):
                tree.findall(".//ds:Reference", NAMES)[1].set("URI", uri)
            self.wrong("The signature must be of the Body and the Timestamp", before=elsewhere)

        def expression(tree):
            find(tree, "soap:Body").set(ID, "xpointer(/)")
            tree.findall(".//ds:Reference", NAMES)[1].set("URI", "#xpointer(/)")
        self.wrong("must have ids", before=expression)

        def xml_id(tree):
            find(tree, "soap:Body")[0].set("{http://www.w3.org/XML/1998/namespace}id", "other")
        self.wrong("must have ids", before=xml_id)

        def many_ids(tree):
            for number in range(62):  # beside those of token, Signature, Timestamp and Body
                etree.SubElement(find(tree, "soap:Body")[0], "{urn:x}other", id=str(number))
        self.wrong("no more than 64", before=many_ids)

    def test_tokens(self):
        def token(change):
            return lambda tree: change(find(tree, "wsse:BinarySecurityToken"))

        def text(value):
            def change(element):
                element.text = value
            return token(change)
        for value in ("", "????", base64.b64encode(b"x" * 20000).decode()):
            self.wrong("must be an X.509 certificate in base64", before=text(value))
        self.wrong("not registered", before=text("AAAA"))
        self.wrong("must be an X.509 certificate in base64",
                   before=token(lambda element: element.set("ValueType", "#PKCS7")))
        self.wrong("must be an X.509 certificate in base64",
                   before=token(lambda element: element.set("EncodingType", "#HexBinary")))

        def key_value(tree):
            info = find(tree, "ds:KeyInfo")
            info.remove(info[0])
            etree.SubElement(info, f"{{{DS}}}KeyValue")
        self.wrong("key must be that of the BinarySecurityToken", before=key_value)

        def other_reference(tree):
            find(tree, "wsse:Reference").set("URI", "#other")
        self.wrong("key must be that of the BinarySecurityToken", before=other_reference)

    def test_nothing_is_signed(self):
        def no_header(tree):
            tree.remove(find(tree, "soap:Header"))

        def no_security(tree):
            find(tree, "soap:Header").remove(find(tree, "wsse:Security"))
        for change in (no_header, no_security):
            self.wrong("has no Security header", after=change)
        for part in ("wsu:Timestamp", "ds:Signature", "wsse:BinarySecurityToken"):
            def without(tree):
                find(tree, "wsse:Security").remove(find(tree, part))
            self.wrong("must hold a Timestamp, a BinarySecurityToken and a Signature",
                       after=without)


class EnvelopeTest(SoapTestCase):
    """Documents that are none, and operations that there are not."""

    def sent(self, body, **how):
        return post(self.cloud.endpoint, body, **how)

    def malformed(self, text, body):
        self.assert_refused("Client.MalformedXML", text, self.sent(body))

    def test_no_xml(self):
        for body in (b"", b"hello", b"<a>", b"<a></b>", b"<a/><b/>", b"\xff\xfe<\x00a\x00",
                     b"<a>\xff</a>", b"<a>\0</a>", b"<a b='1' b='2'/>", b"<p:a/>", b"<a b=\"/>",
                     b"</a>", b"<", b"<a>&other;</a>"):
            self.malformed("not well-formed", body)

    def test_declarations_comments_and_instructions(self):
        good = self.signer.request("DescribeRegions")
        end = b"</soap:Body>"
        for before in (b"<!DOCTYPE a>", b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
                       b"<!-- -->", b"<?php ?>", b"<?xml <!DOCTYPE a> ?>", b"<?xml "):
            self.malformed("not well-formed", before + good)
        for inside in (b"<!-- -->", b"<?php ?>", b"<![CDATA[]]>"):
            self.malformed("not well-formed", good.replace(end, inside + end))
        self.assertEqual(self.sent(b'<?xml version="1.0" encoding="UTF-8"?>\n' + good).status, 200)

    def test_too_much(self):
        for body in (b"<a>" * 17 + b"</a>" * 17, b"<a>" + b"<b/>" * 5000 + b"</a>",
                     b"<a " + b" ".join(b"a%d='1'" % i for i in range(33)) + b"/>",
                     b"<a xmlns:b='" + b"x" * 1025 + b"'/>",
                     b"<a>" + b"x" * 262144 + b"</a>"):
            self.malformed("too large", body)
        for body in (b"<a>" * 16 + b"</a>" * 16, b"<a>" + b"<b/>" * 4999 + b"</a>",
                     b"<a " + b" ".join(b"a%d='1'" % i for i in range(32)) + b"/>",
                     b"<a xmlns:b='" + b"x" * 1024 + b"'/>",
                     b"<a>" + b"x" * (262144 - 7) + b"</a>"):
            self.malformed("must be an Envelope of SOAP 1.1", body)

    def test_other_envelopes(self):
        good = self.signer.request("DescribeRegions")
        self.malformed("must be an Envelope of SOAP 1.1", b"<a/>")
        self.malformed("must be an Envelope of SOAP 1.1", good.replace(
            SOAP.encode(), b"http://www.w3.org/2003/05/soap-envelope"))
        self.malformed("one Header and one Body", b"<Envelope xmlns='%s'><Header/></Envelope>" %
                       SOAP.encode())

        def empty(tree):
            body = find(tree, "soap:Body")
            body.remove(body[0])
        self.refused("Client.MalformedXML", "must hold one element", before=empty)

        def two(tree):
            body = find(tree, "soap:Body")
            body.append(copy.deepcopy(body[0]))
        self.refused("Client.MalformedXML", "must hold one element", before=two)

        def extra(tree):
            etree.SubElement(find(tree, "wsse:Security"), f"{{{WSSE}}}UsernameToken")
        self.refused("Client.MalformedXML", "of another kind", before=extra)

        def twice(tree):
            security = find(tree, "wsse:Security")
            security.addnext(copy.deepcopy(security))
        self.refused("Client.MalformedXML", "more than one Security", before=twice)

    def test_other_headers(self):
        def header(must):
            def add(tree):
                block = etree.SubElement(find(tree, "soap:Header"), "{urn:x}block")
                block.set(f"{{{SOAP}}}mustUnderstand", must)
            return add
        self.call("DescribeRegions", before=header("0"))
        self.refused("Client.MalformedXML", "must be understood", before=header("1"))

    def test_versions_and_actions(self):
        for version in ("2016-11-15", "2013-06-15", "2009-04-04", "9", ""):
            self.refused("Client.NoSuchVersion", "There is no service", version=version)
        for xmlns in ("urn:x", "http://ec2.amazonaws.com/doc/2013-02-01",
                      "http://ec2.amazonaws.com/doc/2013-02-01/x",
                      "http://autoscaling.amazonaws.com/doc/2011-01-01/"):
            self.refused("Client.NoSuchVersion", "There is no service", xmlns=xmlns)
        self.refused("Client.InvalidAction", "MakeCoffee", "MakeCoffee")
        self.refused("Client.InvalidAction", "CreateTags", "CreateTags", version="2009-11-30")

    def test_only_posts_of_xml_are_soap(self):
        good = self.signer.request("DescribeRegions")
        for how in ({"content_type": "application/x-www-form-urlencoded"},
                    {"content_type": "text/xmlish"},
                    {"path": "/?Action=DescribeRegions&Version=2013-02-01"}):
            answer = self.sent(good, **how)
            self.assertIn(answer.status, (400, 401, 403, 404))
            self.assertNotEqual(answer.name, "Fault")
        self.assertEqual(self.sent(good, content_type="text/xml").status, 200)


if __name__ == "__main__":
    unittest.main()
