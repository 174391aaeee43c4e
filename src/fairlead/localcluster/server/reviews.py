"""Objects that are questions: who am I, may I, is this token good. They are answered and not stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.server.authz import Attributes
from fairlead.localcluster.server.pipeline import timestamp
from fairlead.localcluster.server.requests import UserInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.localcluster.server.authz import Authorizer
    from fairlead.localcluster.server.tokens import TokenAuthority

    Review = Callable[[dict[str, Any], UserInfo, str], dict[str, Any]]

__all__ = ["reviews"]

Manifest = dict[str, Any]


def reviews(authorizer: Authorizer, tokens: TokenAuthority) -> dict[tuple[str, str], Review]:
    """(group, kind) → what answers it; called with the question, who asks and the namespace of the path."""
    access, identity = "authorization.k8s.io", "authentication.k8s.io"
    answers = _Answers(authorizer, tokens)
    return {
        (access, "SelfSubjectAccessReview"): answers.own_access,
        (access, "SubjectAccessReview"): answers.access,
        (access, "LocalSubjectAccessReview"): answers.access,
        (access, "SelfSubjectRulesReview"): answers.own_rules,
        (identity, "SelfSubjectReview"): answers.own_identity,
        (identity, "TokenReview"): answers.token,
    }


class _Answers:
    def __init__(self, authorizer: Authorizer, tokens: TokenAuthority) -> None:
        self._authorizer = authorizer
        self._tokens = tokens

    def own_access(self, question: Manifest, user: UserInfo, namespace: str) -> Manifest:
        return self._decide(question, user)

    def access(self, question: Manifest, user: UserInfo, namespace: str) -> Manifest:
        spec = question.get("spec") or {}
        subject = UserInfo(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "")
        return self._decide(question, subject)

    def _decide(self, question: Manifest, subject: UserInfo) -> Manifest:
        spec = question.get("spec") or {}
        reason = self._authorizer.reason(_attributes(subject, spec))
        status: Manifest = {"allowed": bool(reason)}
        if reason.strip():
            status["reason"] = reason
        return _answer(question, spec, status)

    def own_rules(self, question: Manifest, user: UserInfo, namespace: str) -> Manifest:
        spec = question.get("spec") or {}
        resources: list[Manifest] = []
        paths: list[Manifest] = []
        for rule in self._authorizer.rules(user, spec.get("namespace") or ""):
            verbs = rule.get("verbs") or []
            if rule.get("nonResourceURLs"):
                paths.append({"verbs": verbs, "nonResourceURLs": rule["nonResourceURLs"]})
            else:
                keys = ("apiGroups", "resources", "resourceNames")
                resources.append({"verbs": verbs, **{key: rule[key] for key in keys if rule.get(key)}})
        if user.is_admin:
            resources.insert(0, {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
            paths.insert(0, {"verbs": ["*"], "nonResourceURLs": ["*"]})
        status = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
        return {**_answer(question, {}, status), "metadata": {}}

    def own_identity(self, question: Manifest, user: UserInfo, namespace: str) -> Manifest:
        answer = _answer(question, None, {"userInfo": _user_info(user)})
        answer["metadata"] = {"creationTimestamp": timestamp()}
        return answer

    def token(self, question: Manifest, user: UserInfo, namespace: str) -> Manifest:
        spec = question.get("spec") or {}
        token, wanted = spec.get("token") or "", spec.get("audiences") or []
        bearer = self._tokens.user(token, wanted)
        status: Manifest = {"user": {}, "error": "invalid bearer token"}
        if bearer is not None:
            audiences = self._tokens.audiences(token, wanted)
            status = {"authenticated": True, "user": _user_info(bearer), "audiences": audiences}
        return _answer(question, spec, status)


def _answer(question: Manifest, spec: Manifest | None, status: Manifest) -> Manifest:
    metadata = question.get("metadata") or {}
    answer = {"kind": question["kind"], "apiVersion": question["apiVersion"], "metadata": metadata, "status": status}
    if spec is not None:
        answer["spec"] = spec
    return answer


def _attributes(subject: UserInfo, spec: Manifest) -> Attributes:
    wanted = spec.get("resourceAttributes")
    if wanted is None:
        other = spec.get("nonResourceAttributes") or {}
        return Attributes(subject, other.get("verb") or "", path=other.get("path") or "")
    return Attributes(
        subject,
        wanted.get("verb") or "",
        wanted.get("group") or "",
        wanted.get("resource") or "",
        wanted.get("subresource") or "",
        wanted.get("namespace") or "",
        wanted.get("name") or "",
        wanted.get("version") or "",
    )


def _user_info(user: UserInfo) -> Manifest:
    info: Manifest = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = dict(user.extra)
    return info
