import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Writes the committed records of topics to standard output, those of each partition in order. A record is: topic,
 * partition, offset, key, number of headers, name and value of each, value. Numbers have eight bytes; everything else is
 * its length (-1 for null) and its bytes.
 */
public class ReadCommitted {
  /** A transaction whose writer died without a successor is only ended by its timeout, a minute by default. */
  private static final Duration OPEN_TRANSACTIONS = Duration.ofSeconds(90);

  public static void main(String[] args) throws Exception {
    List<String> topics = Arrays.asList(args).subList(1, args.length);
    try (var committed = consumer(args[0], "read_committed");
        var all = consumer(args[0], "read_uncommitted");
        var out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 16))) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (String topic : topics)
        for (var each : all.partitionsFor(topic)) partitions.add(new TopicPartition(topic, each.partition()));
      Map<TopicPartition, Long> ends = all.endOffsets(partitions);
      // A committed reader's end is where the oldest open transaction begins.
      long deadline = System.nanoTime() + OPEN_TRANSACTIONS.toNanos();
      while (!isReached(ends, committed.endOffsets(partitions))) {
        if (System.nanoTime() > deadline) throw new IllegalStateException("a transaction is still open");
        Thread.sleep(100);
      }
      committed.assign(partitions);
      committed.seekToBeginning(partitions);
      // The position passes over the ends of transactions, which have offsets too.
      while (!isReached(ends, partitions.stream().collect(Collectors.toMap(each -> each, committed::position))))
        for (var each : committed.poll(Duration.ofSeconds(1))) write(out, each);
    }
  }

  private static KafkaConsumer<byte[], byte[]> consumer(String brokers, String isolation) {
    return new KafkaConsumer<>(
        Map.of(
            "bootstrap.servers", brokers,
            "isolation.level", isolation,
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false,
            "max.poll.records", 5000),
        new ByteArrayDeserializer(),
        new ByteArrayDeserializer());
  }

  private static boolean isReached(Map<TopicPartition, Long> ends, Map<TopicPartition, Long> positions) {
    return ends.entrySet().stream().allMatch(end -> positions.get(end.getKey()) >= end.getValue());
  }

  private static void write(DataOutputStream out, ConsumerRecord<byte[], byte[]> record) throws IOException {
    write(out, record.topic().getBytes());
    out.writeLong(record.partition());
    out.writeLong(record.offset());
    write(out, record.key());
    Header[] headers = record.headers().toArray();
    out.writeLong(headers.length);
    for (Header header : headers) {
      write(out, header.key().getBytes());
      write(out, header.value());
    }
    write(out, record.value());
  }

  private static void write(DataOutputStream out, byte[] bytes) throws IOException {
    out.writeLong(bytes == null ? -1 : bytes.length);
    if (bytes != null) out.write(bytes);
  }
}
