"""The DenseNet-CTC network, its loss, its decoder, and the devices it runs on."""
