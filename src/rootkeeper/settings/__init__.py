"""Rootkeeper's own settings: a TOML file and ``ROOTKEEPER_*`` variables, checked once at the start.

A setting is a field of its section; its key is ``section.field``, its variable ``ROOTKEEPER_SECTION_FIELD``. A variable
wins over the file. Unknown names are refused: a misspelt limit that is ignored is worse than an error. AWS
credentials, Regions and endpoints aren't settings: they are taken as the AWS CLI takes them.
"""
