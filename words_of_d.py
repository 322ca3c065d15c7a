open('ran', 'w').close()
