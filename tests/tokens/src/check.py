import json, sys
import jwt

given = json.load(sys.stdin)
keys = jwt.PyJWKSet.from_dict(given["jwks"])
said = []
for token in given["tokens"]:
    try:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        said.append(jwt.decode(
            token, key, algorithms=["ES256", "EdDSA"], issuer=given["issuer"], audience=given["audience"],
            options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]},
        ))
    except (jwt.PyJWTError, KeyError) as fault:
        said.append(type(fault).__name__)
json.dump(said, sys.stdout)
