"""What every git command of plait runs with: an environment, and settings that switch off what others could execute."""

import os

IDENTITY = {
    "GIT_AUTHOR_NAME": "plait",
    "GIT_AUTHOR_EMAIL": "plait@localhost",
    "GIT_COMMITTER_NAME": "plait",
    "GIT_COMMITTER_EMAIL": "plait@localhost",
}

# Each was checked against git 2.39.5: what planted configuration could execute, these switch off. Filters, merge
# drivers and upload-pack have no switch, which is why `git_dir` is never one that an agent could write.
HARDENING = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.sshCommand=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.quotePath=false",
    "diff.external=",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "push.gpgSign=false",
    "gpg.program=false",
    "log.showSignature=false",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "safe.bareRepository=explicit",
    "safe.directory=*",
    "gc.auto=0",
    "maintenance.auto=false",
    "merge.conflictStyle=zdiff3",
    "merge.directoryRenames=conflict",
    "merge.renames=true",
    "core.autocrlf=false",
    "advice.detachedHead=false",
)

ENVIRONMENT = {
    "PATH": os.defpath + ":/usr/local/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "GIT_EDITOR": "/bin/false",
    "GIT_PAGER": "cat",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": "file",
}
