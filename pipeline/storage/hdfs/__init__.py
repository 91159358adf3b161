"""Files in HDFS, by WebHDFS: the REST interface of its name nodes and data nodes, which needs no Java here.

Source: WebHDFS REST API, https://hadoop.apache.org/docs/r3.4.1/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
"""
