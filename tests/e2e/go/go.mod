module rootkeeper.test/story

go 1.24
