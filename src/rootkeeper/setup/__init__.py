"""Root access management: trusted access, both features, the delegated administrator, drift."""
