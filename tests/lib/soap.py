"""Requests as the EC2 API tools of 2009 to 2013 signed them: SOAP 1.1 with an X.509 certificate.

    signer = Signer(key_path, certificate_path)
    answer = post(cloud.endpoint, signer.request("DescribeImages", "<imagesSet/>"))
    answer.status, answer.find("imageId"), answer.fault

What is done to a request before it is signed (`before`) and after it (`after`) is a function that
gets the tree; so everything that is wrong can be made wrong, with a right signature or without."""

import base64
import datetime
import hashlib
import urllib.error
import urllib.request
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = OASIS + "wssecurity-secext-1.0.xsd"
WSU = OASIS + "wssecurity-utility-1.0.xsd"
X509V3 = OASIS + "x509-token-profile-1.0#X509v3"
BASE64 = OASIS + "soap-message-security-1.0#Base64Binary"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ALGORITHMS = {"sha1": (hashes.SHA1, DS + "sha1", DS + "rsa-sha1"),
              "sha256": (hashes.SHA256, "http://www.w3.org/2001/04/xmlenc#sha256",
                         "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")}
NAMES = {"soap": SOAP, "wsse": WSSE, "wsu": WSU, "ds": DS, "ec": EXCLUSIVE}
VERSION = "2013-02-01"

ENVELOPE = """<soap:Envelope xmlns:soap="{SOAP}"><soap:Header>\
<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" soap:mustUnderstand="1">\
<wsse:BinarySecurityToken wsu:Id="{id}-token" ValueType="{X509V3}" EncodingType="{BASE64}">\
{token}</wsse:BinarySecurityToken>\
<ds:Signature xmlns:ds="{DS}" Id="{id}-signature"><ds:SignedInfo>\
<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/><ds:SignatureMethod Algorithm="{method}"/>\
{references}</ds:SignedInfo><ds:SignatureValue/>\
<ds:KeyInfo><wsse:SecurityTokenReference>\
<wsse:Reference URI="#{id}-token" ValueType="{X509V3}"/></wsse:SecurityTokenReference>\
</ds:KeyInfo></ds:Signature>\
<wsu:Timestamp wsu:Id="{id}-time"><wsu:Created>{created}</wsu:Created>\
<wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp></wsse:Security></soap:Header>\
<soap:Body xmlns:wsu="{WSU}" wsu:Id="{id}-body"><ns1:{action} xmlns:ns1="{xmlns}">{members}\
</ns1:{action}></soap:Body></soap:Envelope>"""

REFERENCE = """<ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="{EXCLUSIVE}"/>\
</ds:Transforms><ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference>"""


def find(tree, path):
    """The first of that kind: "ds:Reference", "soap:Body"."""
    return tree.find(".//" + path, NAMES)


def canonical(element, transform=None):
    """transform: may hold a list of prefixes that stay."""
    kept = None if transform is None else transform.find("ec:InclusiveNamespaces", NAMES)
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False,
                          inclusive_ns_prefixes=None if kept is None else
                          kept.get("PrefixList", "").split())


def timestamp(seconds):
    """So many seconds from now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def qualified(members):
    """<imagesSet/> as <ns1:imagesSet/>: the elements are in their operation's namespace."""
    return members.replace("</", "\0").replace("<", "<ns1:").replace("\0", "</ns1:")


class Signer:
    """A key and its certificate, by their files."""

    def __init__(self, key, certificate):
        with open(key, "rb") as file:
            self.key = serialization.load_pem_private_key(file.read(), None)
        with open(certificate, "rb") as file:
            self.certificate = x509.load_pem_x509_certificate(file.read())

    def request(self, action, members="", *, version=VERSION, xmlns=None, created=0, expires=300,
                algorithm="sha1", before=None, after=None):
        """The envelope's bytes. members: XML in the manner of "<force>true</force>"."""
        id = "id-" + uuid.uuid4().hex
        _, digest, method = ALGORITHMS[algorithm]
        token = self.certificate.public_bytes(serialization.Encoding.DER)
        tree = etree.fromstring(ENVELOPE.format(
            id=id, action=action, members=qualified(members), method=method,
            xmlns=xmlns or f"http://ec2.amazonaws.com/doc/{version}/",
            created=timestamp(created), expires=timestamp(created + expires),
            token=base64.b64encode(token).decode(), references="".join(
                REFERENCE.format(id=f"{id}-{part}", digest=digest, EXCLUSIVE=EXCLUSIVE)
                for part in ("time", "body")),
            SOAP=SOAP, WSSE=WSSE, WSU=WSU, DS=DS, EXCLUSIVE=EXCLUSIVE, X509V3=X509V3,
            BASE64=BASE64))
        if before:
            before(tree)
        self.sign(tree, algorithm)
        if after:
            after(tree)
        return etree.tostring(tree)

    def sign(self, tree, algorithm="sha1"):
        """Fills in digests and signature, of whatever the references refer to."""
        by_id = {element.get(f"{{{WSU}}}Id"): element for element in tree.iter(etree.Element)}
        for reference in tree.iterfind(".//ds:Reference", NAMES):
            element = by_id.get(reference.get("URI", "#")[1:])
            transform = reference.find("ds:Transforms/ds:Transform", NAMES)
            digest = hashlib.new(
                algorithm, b"" if element is None else canonical(element, transform))
            value = reference.find("ds:DigestValue", NAMES)
            if value is not None:
                value.text = base64.b64encode(digest.digest()).decode()
        self.seal(tree, algorithm)

    def seal(self, tree, algorithm="sha1"):
        """Fills in the signature, of whatever the digests are."""
        signed = canonical(find(tree, "ds:SignedInfo"), find(tree, "ds:CanonicalizationMethod"))
        signature = self.key.sign(signed, padding.PKCS1v15(), ALGORITHMS[algorithm][0]())
        find(tree, "ds:SignatureValue").text = base64.encodebytes(signature).decode()


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.tree = etree.fromstring(body)
        inner = self.tree.find("soap:Body", NAMES)
        self.root = inner[0] if inner is not None else self.tree

    @property
    def fault(self):
        """The code of a fault, or None."""
        return self.root.findtext("faultcode")

    @property
    def reason(self):
        return self.root.findtext("faultstring")

    @property
    def name(self):
        return etree.QName(self.root).localname

    def all(self, name):
        """The texts of all elements of that name, in whatever namespace."""
        return [element.text for element in self.root.iter(f"{{*}}{name}")]

    def find(self, name):
        return next(iter(self.all(name)), None)


def post(endpoint, body, content_type="text/xml; charset=UTF-8", path="/"):
    request = urllib.request.Request(endpoint.rstrip("/") + path, body, {
        "Content-Type": content_type, "SOAPAction": '""'})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as got:
            return Answer(got.status, got.headers, got.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())
