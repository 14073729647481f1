"""Rootkeeper's own settings: a TOML file and ``ROOTKEEPER_*`` variables, checked once at the start.

A setting is a field of its section; its key is ``section.field``, its variable ``ROOTKEEPER_SECTION_FIELD``. A variable
overrides the file. Unknown names are refused, because an ignored misspelt limit is worse than an error. AWS
credentials, Regions and endpoints aren't settings; they come from the same places as those of the AWS CLI.
"""
